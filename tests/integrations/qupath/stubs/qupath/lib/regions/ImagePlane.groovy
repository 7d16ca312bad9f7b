package qupath.lib.regions

class ImagePlane {
    int z, t

    static ImagePlane getPlane(int z, int t) { new ImagePlane(z: z, t: t) }
}
