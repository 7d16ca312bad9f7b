package qupath.lib.awt.common

import java.awt.Rectangle
import java.awt.Shape
import qupath.lib.objects.Roi

class AwtTools {
    static getImageRegion(Shape shape, int z, int t) {
        Rectangle box = shape.getBounds()
        new Roi(x: box.x, y: box.y, width: box.width, height: box.height, z: z, t: t)
    }
}
