"""The ROI store: augmented ROIs, drawn once and kept in one HDF5 file.

N  number of ROIs;  S  their side, px

    grey      (N, S, S) uint8 or uint16: image = grey * scale + offset (attributes)
    labels    (N, S, S) uint16, each ROI numbered from 1
    valid     (N, S, S) uint8, 1 where targets count
    distance, border  (N, S, S) uint8, 255 is 1 (attribute scale): the planes of the model family
    mask, erosion, boundary, background  (N, S, S) uint8, 0 or 1, on request

Planes are targets that the family wants kept as they are (`types.Targets.planes`); those of
other families, and of a family that wants none kept, are made of the labels when a ROI is read.

ROI number i is what training would see as its i-th ROI without a store. The file is put together
from parts that lie beside it while it is made; a run that was cut off keeps its parts, and the
same command goes on. Source: Zaki et al. (2020), Methods, "bootstrapping".
"""
