package qupath.lib.objects

class PathObject {
    String type, name
    Roi roi
    Map measurements = [:]
    List children = []

    boolean isAnnotation() { type == 'annotation' }

    boolean hasROI() { roi != null }

    Roi getROI() { roi }

    void addChildObjects(Collection<PathObject> objects) { children.addAll(objects) }
}
