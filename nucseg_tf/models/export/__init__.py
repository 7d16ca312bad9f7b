"""Models for other programs: ONNX, OpenVINO, TensorFlow, and packages of bioimage.io.

write        a model in any of these forms
formats      what a form is
onnx, openvino, savedmodel
             one form each: how a network is written, and read again
compare      what the written network gives beside what Keras gives
description  what others must know to use it, as JSON beside it
sample       the drawn field that a network is tried on
package      a package of bioimage.io, with `rdf`, its description
"""
