import threading
from concurrent.futures import ThreadPoolExecutor

from nucseg_tf.scale import finder


def test_images_side_by_side_load_the_network_once(monkeypatch):
    together, compiled = threading.Barrier(4, timeout=20), []

    def compile_with(*_args, **_options):
        compiled.append(threading.Event().wait(0.1))

    monkeypatch.setattr(finder, "compile_with", compile_with)
    finder._load_finder.cache_clear()

    def load(_number):
        together.wait()
        return finder.load_finder("keras")

    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(load, range(4)))
    finally:
        finder._load_finder.cache_clear()
    assert len(compiled) == 1
    assert len(set(map(id, found))) == 1
