package qupath.lib.gui.scripting

import java.awt.Rectangle
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.Paths
import qupath.lib.objects.PathObject

/** What a script finds open: set by `driver.groovy`. */
class QPEx {
    static Map server, viewer
    static List<PathObject> selected = []
    static Hierarchy hierarchy = new Hierarchy()
    static String file // that an export of any region gives
    static List requests = []

    static getCurrentServer() {
        server == null ? null : [
            getPath: { 'image' }, getWidth: { server.width }, getHeight: { server.height },
            getPixelCalibration: { [getPixelWidthMicrons: { server.micron }] as Calibration }
        ] as Server
    }

    static getCurrentHierarchy() { hierarchy }

    static getSelectedObjects() { selected }

    static getCurrentViewer() {
        [getDisplayedRegionShape: { viewer.shape }, getZPosition: { viewer.z },
         getTPosition: { viewer.t }] as Viewer
    }

    static void writeImageRegion(server, request, String path) {
        requests << request
        Files.copy(Paths.get(file), Paths.get(path))
    }
}

interface Calibration { double getPixelWidthMicrons() }

interface Server {
    String getPath()
    int getWidth()
    int getHeight()
    Calibration getPixelCalibration()
}

interface Viewer {
    Rectangle getDisplayedRegionShape()
    int getZPosition()
    int getTPosition()
}

class Hierarchy {
    List<PathObject> objects = []
    int changes = 0

    void addObjects(Collection<PathObject> more) { objects.addAll(more) }

    List<PathObject> getDetectionObjects() {
        (objects + objects*.children.flatten()).findAll { it.type == 'detection' }
    }

    void removeObjects(Collection<PathObject> old, boolean keepChildren) {
        objects.removeAll(old)
        objects.each { it.children.removeAll(old) }
    }

    void fireHierarchyChangedEvent(Object source) { changes++ }
}
