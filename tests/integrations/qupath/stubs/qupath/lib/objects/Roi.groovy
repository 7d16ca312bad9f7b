package qupath.lib.objects

/** A rectangle, or the corners (x, y) of an outline. */
class Roi {
    List<List<Double>> corners
    int x, y, width, height, z, t

    double getCentroidX() { corners.sum { it[0] } / corners.size() }

    double getCentroidY() { corners.sum { it[1] } / corners.size() }

    boolean contains(double px, double py) { px >= x && px < x + width && py >= y && py < y + height }
}
