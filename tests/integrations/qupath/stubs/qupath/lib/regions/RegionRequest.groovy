package qupath.lib.regions

/** A region of an image, px of full resolution, with what it is reduced by. */
class RegionRequest {
    String path
    double downsample
    int x, y, width, height, z, t

    static RegionRequest createInstance(String path, double downsample, roi) {
        new RegionRequest(path: path, downsample: downsample, x: roi.x, y: roi.y, width: roi.width,
                          height: roi.height, z: roi.z, t: roi.t)
    }

    RegionRequest intersect2D(int left, int top, int w, int h) {
        int x0 = Math.max(x, left), y0 = Math.max(y, top)
        int x1 = Math.min(x + width, left + w), y1 = Math.min(y + height, top + h)
        new RegionRequest(path: path, downsample: downsample, x: x0, y: y0, width: x1 - x0,
                          height: y1 - y0, z: z, t: t)
    }

    boolean contains(int px, int py, int pz, int pt) {
        pz == z && pt == t && px >= x && px < x + width && py >= y && py < y + height
    }
}
