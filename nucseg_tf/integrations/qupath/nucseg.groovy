/*
 * Finds nuclei with nucseg, in the selected annotations or, without any, in the region in view, and
 * adds them as detections with their measurements. For QuPath 0.5 and 0.6; docs/qupath.md.
 *
 * Automate > Script editor, open this file, change what stands below, Run.
 */
import java.awt.geom.AffineTransform
import java.nio.file.Files
import java.nio.file.Path
import qupath.lib.awt.common.AwtTools
import qupath.lib.gui.scripting.QPEx
import qupath.lib.io.PathIO
import qupath.lib.objects.PathObjectTools
import qupath.lib.regions.ImagePlane
import qupath.lib.regions.RegionRequest

def settings = [
    program   : 'nucseg',         // or its path: /home/me/.venv/bin/nucseg, C:/nucseg_tf/.venv/Scripts/nucseg.exe
    model     : 'fpn2ws-nuclei',  // a name, or the folder of a model
    channel   : '',               // of the nuclei: name, index from 0, or max; '' where there is one
    downsample: 1.0,              // 2: at half the resolution
    diameter  : '',               // of the typical nucleus, in px of what is exported; auto finds it
    options   : [],               // further ones of nucseg predict, such as ['--tta', '2']
    replace   : false             // remove detections that lie there already
]

def server = QPEx.getCurrentServer()
if (server == null)
    throw new IllegalStateException('nucseg: open an image first.')
def places = placesOf(server, settings.downsample)
def hierarchy = QPEx.getCurrentHierarchy()
int count = 0
places.each { place ->
    def found = findNuclei(server, place.request, settings)
    def objects = found.collect { moved(it, place.request) }
    if (place.annotation != null)
        objects = objects.findAll { isInside(it, place.annotation) }
    if (settings.replace)
        removeDetections(hierarchy, place)
    if (place.annotation != null) {
        place.annotation.addChildObjects(objects)
        hierarchy.fireHierarchyChangedEvent(this)
    } else
        hierarchy.addObjects(objects)
    count += objects.size()
}
println "nucseg: ${count} nuclei"
return count

/** Regions to look at: of each selected annotation, or else the one in view. */
List<Map> placesOf(server, double downsample) {
    def annotations = QPEx.getSelectedObjects().findAll { it.isAnnotation() && it.hasROI() }
    if (!annotations.isEmpty())
        return annotations.collect {
            [request: clipped(server, RegionRequest.createInstance(server.getPath(), downsample, it.getROI())),
             annotation: it]
        }
    def viewer = QPEx.getCurrentViewer()
    def shown = AwtTools.getImageRegion(
        viewer.getDisplayedRegionShape(), viewer.getZPosition(), viewer.getTPosition())
    def request = RegionRequest.createInstance(server.getPath(), downsample, shown)
    return [[request: clipped(server, request), annotation: null]]
}

def clipped(server, request) {
    return request.intersect2D(0, 0, server.getWidth(), server.getHeight())
}

/** What nucseg finds in a region, in pixels of the exported image. */
List findNuclei(server, request, Map settings) {
    Path folder = Files.createTempDirectory('nucseg')
    try {
        Path image = folder.resolve('region.ome.tif')
        QPEx.writeImageRegion(server, request, image.toString())
        Path results = folder.resolve('results')
        run(commandOf(image, results, settings, pixelSize(server, request)))
        return PathIO.readObjects(results.resolve(resultName(results)))
    } finally {
        folder.toFile().deleteDir()
    }
}

/** The name of the only GeoJSON in a folder. */
String resultName(Path results) {
    def names = results.toFile().list().findAll { it.endsWith('.geojson') }
    if (names.size() != 1)
        throw new IllegalStateException("nucseg: expected one GeoJSON, not ${names}")
    return names[0]
}

/** Width of a pixel of what is exported, in µm; NaN where the image does not say. */
double pixelSize(server, request) {
    return server.getPixelCalibration().getPixelWidthMicrons() * request.getDownsample()
}

List<String> commandOf(Path image, Path results, Map settings, double pixelSize) {
    def command = [settings.program, 'predict', image, '--out', results, '--geojson',
                   '--model', settings.model]
    if (settings.channel != '')
        command += ['--channel', settings.channel]
    if (settings.diameter != '')
        command += ['--diameter', settings.diameter]
    if (!Double.isNaN(pixelSize))
        command += ['--pixel-size', pixelSize]
    return (command + settings.options).collect { it.toString() }
}

/** Runs a program; an error has all that it said. */
void run(List<String> command) {
    Process process
    try {
        process = new ProcessBuilder(command).redirectErrorStream(true).start()
    } catch (IOException error) {
        throw new IOException("nucseg: ${command[0]} cannot be run (${error.getMessage()}). " +
            'Set program to its path: bin/nucseg (Windows: Scripts\\nucseg.exe) of its environment.')
    }
    process.getOutputStream().close()
    String said = process.getInputStream().getText()
    int code = process.waitFor()
    if (code != 0)
        throw new IOException("nucseg ended with code ${code}:\n${said}")
}

/** An object at its place in the whole image, on the plane of the region, with an ID of its own. */
def moved(object, request) {
    double scale = request.getDownsample()
    def place = new AffineTransform(scale, 0, 0, scale, request.getX(), request.getY())
    def placed = PathObjectTools.transformObject(object, place, true, true)
    def plane = ImagePlane.getPlane(request.getZ(), request.getT())
    return PathObjectTools.updatePlane(placed, plane, true, false)
}

/** Whether the centre of an object lies in an annotation. */
boolean isInside(object, annotation) {
    def roi = object.getROI()
    return annotation.getROI().contains(roi.getCentroidX(), roi.getCentroidY())
}

/** Removes the detections below an annotation, or those whose centre lies in the region. */
void removeDetections(hierarchy, Map place) {
    def request = place.request
    def old = hierarchy.getDetectionObjects().findAll {
        def roi = it.getROI()
        boolean here = roi.getZ() == request.getZ() && roi.getT() == request.getT()
        if (place.annotation != null)
            return here && isInside(it, place.annotation)
        return here && request.contains((int) roi.getCentroidX(), (int) roi.getCentroidY(),
            request.getZ(), request.getT())
    }
    hierarchy.removeObjects(old, true)
}
