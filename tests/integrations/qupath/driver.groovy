// Runs a script of QuPath on the classes in stubs/, and prints what it did as JSON.
// Arguments: the script, and JSON: image, width, height, micron, view, annotation, old, z, t.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.awt.Rectangle
import qupath.lib.gui.scripting.QPEx
import qupath.lib.objects.PathObject
import qupath.lib.objects.Roi

def given = new JsonSlurper().parseText(args[1])
def (z, t) = [given.z ?: 0, given.t ?: 0]
def rectangle = { box -> [x: box[0], y: box[1], width: box[2], height: box[3], z: z, t: t] }
if (given.image)
    QPEx.server = [width: given.width, height: given.height, micron: given.micron as double]
QPEx.file = given.image
QPEx.viewer = [shape: given.view ? new Rectangle(*given.view) : null, z: z, t: t]
if (given.annotation) {
    def annotation = new PathObject(type: 'annotation', roi: new Roi(rectangle(given.annotation)))
    QPEx.selected << annotation
    QPEx.hierarchy.objects << annotation
}
given.old.each {
    QPEx.hierarchy.objects << new PathObject(
        type: 'detection', name: 'old', roi: new Roi(corners: [it], z: z, t: t))
}
def count
try {
    count = new GroovyShell(this.class.classLoader).evaluate(new File(args[0]))
} catch (Exception error) {
    println JsonOutput.toJson([error: error.getMessage()])
    return
}
def told
told = { o -> [type: o.type, name: o.name, corners: o.roi.corners, z: o.roi.z, t: o.roi.t,
               measurements: o.measurements, below: o.children.collect(told)] }
println JsonOutput.toJson([
    count: count, objects: QPEx.hierarchy.objects.collect(told), changes: QPEx.hierarchy.changes,
    requests: QPEx.requests.collect { [it.x, it.y, it.width, it.height, it.z, it.t, it.downsample] }])
