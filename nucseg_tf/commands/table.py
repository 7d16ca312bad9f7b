"""What `nucseg` can do: one line a command, in the order of its help.

The signature of a command is its command line (see `arguments`): types are checked against the
annotations, `Args` are the help. Stages are imported inside the commands, because `nucseg --help`
and a mistyped flag should not wait for TensorFlow.
"""

from __future__ import annotations

from nucseg_tf.commands.annotate import annotate
from nucseg_tf.commands.augment import augment
from nucseg_tf.commands.benchmark import benchmark
from nucseg_tf.commands.compare import compare
from nucseg_tf.commands.config import config
from nucseg_tf.commands.convert import convert
from nucseg_tf.commands.diameter import diameter
from nucseg_tf.commands.doctor import doctor
from nucseg_tf.commands.evaluate import evaluate
from nucseg_tf.commands.loop import Loop
from nucseg_tf.commands.merge import merge
from nucseg_tf.commands.models import Models
from nucseg_tf.commands.options import complete
from nucseg_tf.commands.plate import plate
from nucseg_tf.commands.predict import predict
from nucseg_tf.commands.prelabel import prelabel
from nucseg_tf.commands.report import report
from nucseg_tf.commands.simulate import simulate
from nucseg_tf.commands.train import train
from nucseg_tf.commands.validate import validate


class Commands:
    """Finds every cell nucleus in fluorescence microscope images."""

    predict = staticmethod(complete(predict))
    merge = staticmethod(complete(merge))
    diameter = staticmethod(complete(diameter))
    plate = staticmethod(complete(plate))
    augment = staticmethod(complete(augment))
    train = staticmethod(complete(train))
    simulate = staticmethod(complete(simulate))
    evaluate = staticmethod(complete(evaluate))
    benchmark = staticmethod(complete(benchmark))
    report = staticmethod(complete(report))
    compare = staticmethod(complete(compare))
    validate = staticmethod(complete(validate))
    prelabel = staticmethod(complete(prelabel))
    annotate = staticmethod(complete(annotate))
    loop = Loop()
    convert = staticmethod(complete(convert))
    models = Models()
    doctor = staticmethod(complete(doctor))
    config = staticmethod(complete(config))
