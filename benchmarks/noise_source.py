"""A live source of noise on stdout: mono s16le at 22,050 Hz, a tenth of a second at a time, for ever."""

import os
import time

RATE = 22_050

began, sent = time.monotonic(), 0
while True:
    os.write(1, os.urandom(2 * (RATE // 10)))
    sent += 1
    time.sleep(max(0.0, began + sent / 10 - time.monotonic()))
