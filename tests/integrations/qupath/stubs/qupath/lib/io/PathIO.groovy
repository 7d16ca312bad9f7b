package qupath.lib.io

import groovy.json.JsonSlurper
import java.nio.file.Path
import qupath.lib.objects.PathObject
import qupath.lib.objects.Roi

class PathIO {
    static List<PathObject> readObjects(Path path) {
        new JsonSlurper().parse(path.toFile()).features.collect {
            def ring = it.geometry.coordinates[0]
            def corners = it.geometry.type == 'Polygon' ? ring : ring[0]
            new PathObject(type: it.properties.objectType, name: it.properties.name,
                           measurements: it.properties.measurements, roi: new Roi(corners: corners[0..-2]))
        }
    }
}
