package qupath.lib.objects

import java.awt.geom.AffineTransform
import qupath.lib.regions.ImagePlane

class PathObjectTools {
    static PathObject transformObject(PathObject object, AffineTransform by, boolean measurements,
                                      boolean newIds) {
        def corners = object.roi.corners.collect { corner ->
            double[] placed = new double[2]
            by.transform(corner as double[], 0, placed, 0, 1)
            placed as List
        }
        copy(object, new Roi(corners: corners, z: object.roi.z, t: object.roi.t), measurements)
    }

    static PathObject updatePlane(PathObject object, ImagePlane plane, boolean measurements,
                                  boolean newIds) {
        copy(object, new Roi(corners: object.roi.corners, z: plane.z, t: plane.t), measurements)
    }

    private static PathObject copy(PathObject object, Roi roi, boolean measurements) {
        new PathObject(type: object.type, name: object.name, roi: roi,
                       measurements: measurements ? object.measurements : [:])
    }
}
