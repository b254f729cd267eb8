"""Drum patterns of the popular genres, in the notation of `grooves.beat_of`: sixteenths, or triplets of a bar of 12."""

ELECTRONIC_FOUR = (
    "k:X...X...X...X... c:....x.......x... o:..x...x...x...x. h:x.o.x.o.x.o.x.o.",
    "k:X...X...X...X... s:....x.......x... o:..x...x...x...x. S:oxoxoxoxoxoxoxox",
    "k:X...X...X...X... c:....x.......x..o h:..x...x...x...xx T:....x.......x...",
    "k:X...X...X...X..x c:....x.......x... o:..x...x...x...x. r:...x..x....x..x.",
    "k:X...X...X...X... R:..x...x...x...x. h:oxoxoxoxoxoxoxox",
    "k:X...X...X...X... o:..x...x...x...x. g:x..x..x.x..x..x. G:......x.......xx",
)
ELECTRONIC_MINIMAL = (
    "k:X...X...X...X... h:..x...x...x...x. r:...x......x.....",
    "k:X...X...X...X... S:o.xoo.xoo.xoo.xo c:....o.......o... w:......x..x......",
    "k:X...X...X...X... p:..x...x...x...x. r:..x..x....x.x..x L:.......o......o.",
)
ELECTRONIC_BREAKS = (
    "k:X.x.......x..... s:....X..o.o..X..o h:x.x.x.x.x.x.x.x.",
    "k:X.x.......xx.... s:....X..o.o..X..o R:x.x.x.x.x.x.x.x.",
    "k:X..x..x...x..... s:....X..o....X.o. h:xxxxxxxxxxxxxxxx",
    "k:X.........x.....X..x......x..... s:....X..o.o..X.......X..o.o....X. h:x.x.x.x.x.xxx.x.x.x.x.x.x.x.x.xx",
)
ELECTRONIC_TWO_STEP = (
    "k:X.........x..... s:....X.......X... h:x.xxx.xxx.xxx.xx",
    "k:X.........x..... s:....X..o....X..o h:xoxoxoxoxoxoxoxo R:x...x...x...x...",
    "k:X......x..x..... s:....X.......X..o o:..x...x...x...x. h:xxxxxxxxxxxxxxxx",
)
ELECTRONIC_HALF = (
    "k:X.....x......... s:........X....... h:x..x..x.x..x..x.",
    "k:X..x..........x. s:........X....... h:x.x.x.x.x.x.xxxx",
    "k:X.........x..... c:........X....... o:....x.......x... h:xxxxxxxxxxxxxxxx",
)
ELECTRONIC_ELECTRO = (
    "k:X.....x...x..... s:....X.......X... h:x.xxx.xxx.xxx.xx w:......x....x....",
    "k:X..x..x.....x... c:....X.......X... h:xxxxxxxxxxxxxxxx o:..............x.",
    "k:X.....x.X.x..... s:....X.......X..x h:x.x.x.x.x.x.x.x.",
)
ELECTRONIC_BACK = (
    "k:X.......X....... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.......X.x..... s:....X.......X... h:x.x.x.x.x.x.x.x. T:....x.......x...",
    "k:X...X...X...X... s:....X.......X... h:xxxxxxxxxxxxxxxx",
)
ELECTRONIC_SLOW = (
    "k:X......x..x..... s:....X.......X..o h:x.x.x.xox.x.x.xo",
    "k:X.....x....x.... r:....X.......X... S:xoxoxoxoxoxoxoxo",
    "k:X..x....x..x.... s:....X.o.....X... h:x.xxx.x.x.xxx.x.",
)

HIP_HOP_BOOM_BAP = (
    "k:X......x..x..... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.x.......x..... s:....X..o.o..X... h:x.x.x.x.x.x.x.xx",
    "k:X..x....x.x..... s:....X.......X..o h:x.x.x.x.x.x.x.x. o:..............x.",
    "k:X.....xx..x..x.. s:....X..o....X... R:x.x.x.x.x.x.x.x.",
    "k:X......xx......xX.....x...x..... s:....X.......X.......X..o....X.o. h:x.x.x.x.x.x.x.x.x.x.x.x.x.xxx.x.",
    "k:X..o..x...x..... s:....X.......X... h:xoxoxoxoxoxoxoxo T:....x.......x...",
)
HIP_HOP_LOFI = (
    "k:X......x..x..... r:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.....x...x..... s:....x.......x..o h:x.o.x.o.x.o.x.o.",
    "k:X..x......x..... s:....x..o....x... S:xoxoxoxoxoxoxoxo",
)
HIP_HOP_TRAP = (
    "k:X......x..x..... c:........X.......",
    "k:X.....x......x.. s:........X.......",
    "k:X..x..x.......x.X.......x..x.... c:........X...............X.....o.",
    "k:X.........x...x. c:........X....... o:..........x.....",
    "k:X..x....x..x.... c:....X.......X...",
)
HIP_HOP_DRILL = (
    "k:X.......x.....x.X..x......x..... s:......X.......X.......X.....X... h:x..x..x..x..x.x.x..x..x..x..xxxx",
    "k:X.....x.......x.x..x............ s:......X.....X.........X.......X. h:x..x..x.x..x..x.x..x..x.x..x..x.",
)
HIP_HOP_GFUNK = (
    "k:X..x....x.x..... c:....X.......X... h:xxxxxxxxxxxxxxxx",
    "k:X.....x.x..x.... s:....X.......X... h:x.x.x.x.x.x.x.x. o:......x.........",
    "k:X......xx....... s:....X.......X... h:x.xxx.xxx.xxx.xx T:x.x.x.x.x.x.x.x.",
)
HIP_HOP_OLD = (
    "k:X.....x...x..... s:....X.......X... h:x.xxx.xxx.xxx.xx w:x..x..x...x.x...",
    "k:X..x..x...x.x... c:....X.......X... h:xxxxxxxxxxxxxxxx",
    "k:X.X...x.X.X..... s:....X.......X..x h:x.x.x.x.x.x.x.x. w:..x..x..x..x....",
)
HIP_HOP_BOUNCE = (
    "k:X..x..x.X..x..x. c:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.....x.X...x... c:....X..x.x..X... h:xxxxxxxxxxxxxxxx o:..x...x...x...x.",
)

ROCK_STRAIGHT = (
    "k:X.......X....... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.......X.x..... s:....X.......X... h:X.x.X.x.X.x.X.x.",
    "k:X.....x.X....... s:....X.......X... o:x.x.x.x.x.x.x.x.",
    "k:X..x....x.x..... s:....X..o....X... h:x.x.x.x.x.x.x.x.",
    "k:X.x.....X.x...x. s:....X.......X... R:x.x.x.x.x.x.x.x.",
    "k:X......xX....... s:....X..o.o..X..o h:xoxoxoxoxoxoxoxo",
    "k:X.......x.x..... s:....X.......X... C:X...X...X...X...",
)
ROCK_FLOOR = (
    "k:X...X...X...X... s:....X.......X... o:..x...x...x...x.",
    "k:X...X...X...X... s:....X.......X... h:xxxxxxxxxxxxxxxx",
)
ROCK_PUNK = (
    "k:X...X...X...X... s:..X...X...X...X. h:x.x.x.x.x.x.x.x.",
    "k:X...X.x.X...X.x. s:..X...X...X...X. R:x.x.x.x.x.x.x.x.",
    "k:X.....x.X.x..... s:....X.......X... o:x...x...x...x...",
)
ROCK_SHUFFLE = (
    "k:X.....X..... s:...X.....X.. h:x.xx.xx.xx.x", "k:X..X..X..X.. s:...X.....X.. R:x.xx.xx.xx.x",
    "k:X....xX..... s:...X.....X.o h:x.xx.xx.xx.x",
)  # fmt: skip
ROCK_SLOW_ROCK = (
    "k:X.....x..... s:......X..... h:xxxxxxxxxxxx", "k:X....x...... s:...X.....X.. h:xxxxxxxxxxxx",
    "k:X....xx....x s:...X.....X.. R:xxxxxxxxxxxx",
)  # fmt: skip
ROCK_SURF = (
    "k:X..x..x.X..x..x. s:....X.x.....X... R:x.x.x.x.x.x.x.x.",
    "k:X...X...X...X... s:....X.xx....X.xx R:x.x.x.x.x.x.x.x.",
    "k:X.....x.X....... L:x.x.x.x.x.x.x.x. s:....X.......X...",
)
ROCK_TOMS = (
    "k:X.......X....... L:..x..x....x..x.. F:....x.......x.xx s:............x...",
    "k:X..x....X..x.... F:x.x.x.x.x.x.x.x. s:....X.......X...",
)
ROCK_LOOSE = (
    "k:X..x..x...x..... s:....X..o.x..X..o R:x.xxx.xxx.xxx.xx",
    "k:X.....x..x..x... s:....X.o.....X.o. R:x...x.x.x...x.x.",
)

METAL_THRASH = (
    "k:X...X...X...X... s:..X...X...X...X. h:x.x.x.x.x.x.x.x.",
    "k:X.X.X.X.X.X.X.X. s:....X.......X... R:x...x...x...x...",
    "k:X.xxX.xxX.xxX.xx s:..X...X...X...X. R:x.x.x.x.x.x.x.x.",
)
METAL_BLAST = (
    "k:X.X.X.X.X.X.X.X. s:.X.X.X.X.X.X.X.X R:X.X.X.X.X.X.X.X.",
    "k:XxXxXxXxXxXxXxXx s:X.X.X.X.X.X.X.X. R:X.X.X.X.X.X.X.X.",
    "k:X.X.X.X.X.X.X.X. s:.X.X.X.X.X.X.X.X C:X...X...X...X...",
)
METAL_DOUBLE = (
    "k:xxxxxxxxxxxxxxxx s:....X.......X... R:x...x...x...x...",
    "k:x.xxx.xxx.xxx.xx s:....X.......X... R:x.x.x.x.x.x.x.x.",
    "k:xxxxxxxxxxxxxxxx s:..X...X...X...X. C:X...X...X...X...",
)
METAL_HEAVY = (
    "k:X.......X.x..... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.....x.X.x..... s:....X.......X... o:x...x...x...x...",
    "k:X..x..x.X..x.... s:....X.......X... C:X...X...X...X...",
    "k:X.xxX.xxX.xxX.xx s:....X.......X... h:x...x...x...x...",
)
METAL_SLOW = (
    "k:X.....x......... s:........X....... C:X.......X.......",
    "k:X.........x..... s:........X....... R:x...x...x...x...",
    "k:X..x......x..x.. s:........X....... o:x...x...x...x...",
)
METAL_GROOVE = (
    "k:X..x..x...xx..x. s:....X.......X... o:x...x...x...x...",
    "k:X.xx..x.X.xx.x.. s:....X.......X... C:X...X...X...X...",
    "k:X..X..X...X..... s:........X....... C:X...X...X...X...",
)

RNB_SOUL = (
    "k:X.....x.X....... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X..x....X.x..... s:....X.......X..o h:x.x.x.x.x.x.x.x.",
    "k:X.......X..x.... s:....X..o....X... R:x.x.x.x.x.x.x.x.",
)
RNB_MOTOWN = (
    "k:X.....x.X.....x. s:X...X...X...X... T:x.x.x.x.x.x.x.x.",
    "k:X..x..x.X..x..x. s:....X.......X... T:..x...x...x...x. h:x.x.x.x.x.x.x.x.",
    "k:X...X...X...X... s:X...X...X...X... h:x.x.x.x.x.x.x.x. T:....x.......x...",
)
RNB_FUNK = (
    "k:X.x...x...x..x.. s:....X..o.o..X..o h:xxxxxxxxxxxxxxxx",
    "k:X..x..x...x.x... s:....X..o.oo.X..o h:x.x.x.xox.x.x.x. o:..............x.",
    "k:X.x.....x.x...x. s:....X..o.x..X.oo h:x.xxx.xxx.xxx.xx",
    "k:X..x...xX..x.... s:....X.o..o..X..o h:xxxxxxxxxxxxxxxx g:..x..x.x..x..x.x",
)
RNB_NEO = (
    "k:X......x..x..... s:....X.......X..o h:x.x.x.xox.x.x.xo",
    "k:X..o...x.x...... r:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.....xx..x..... s:....X..o....X.o. R:x.x.x.x.x.x.x.x.",
    "k:X..x......x..x.. r:....X.......X..o S:xoxoxoxoxoxoxoxo",
)
RNB_QUIET = (
    "k:X.....x.x....... r:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X......x.x...... s:....X.......X... h:xoxoxoxoxoxoxoxo S:..x...x...x...x.",
    "k:X.........x..... c:....X.......X... h:x.x.x.x.x.x.x.x.",
)
RNB_SIX_EIGHT = ("k:X....xx..... s:...X.....X.. h:xxxxxxxxxxxx", "k:X.....X....x s:...X.....X.. R:xxxxxxxxxxxx")
RNB_CONTEMPORARY = (
    "k:X.....x...x..... c:....X.......X... h:x.x.x.xxx.x.xxxx",
    "k:X..x......x..x.. c:........X....... h:x.x.x.x.x.xxx.x.",
    "k:X......x..x..... c:....X.......X... r:..x..x....x...x. h:x.x.x.x.x.x.x.x.",
)
RNB_DISCO = (
    "k:X...X...X...X... s:....X.......X... o:..x...x...x...x. h:x...x...x...x...",
    "k:X...X...X...X... c:....X.......X... h:x.xxx.xxx.xxx.xx T:..x...x...x...x.",
    "k:X...X...X...X... s:....X.......X... o:..x...x...x...x. g:x..x..x.x..x.xx.",
)
RNB_GOSPEL = (
    "k:X...X...X...X... s:..X...X...X...X. T:x.x.x.x.x.x.x.x.",
    "k:X..x..x.X..x..x. s:....X.......X..x R:x.x.x.x.x.x.x.x. T:....x.......x...",
)
RNB_SWINGBEAT = (
    "k:X..x..x..xx..... s:....X.......X..x h:x.xxx.xxx.xxx.xx",
    "k:X.x...xx..x..x.. c:....X.......X... h:xxxxxxxxxxxxxxxx o:......x.........",
)

REGGAE_ONE_DROP = (
    "k:........X....... r:........X....... h:x.x.x.x.x.x.x.x.",
    "k:........X....... s:........X....... h:..x...x...x...x.",
    "k:........X....... r:........X....x.. h:x.xxx.xxx.xxx.xx",
    "k:........X....... r:....o...X..o.... h:x.x.x.x.x.x.x.x. g:..x..x....x..x..",
)
REGGAE_ROCKERS = (
    "k:x...x...X...x... s:........X....... h:x.x.x.x.x.x.x.x.",
    "k:x.......X.x..... s:........X....... o:..x...x...x...x. h:x.x.x.x.x.x.x.x.",
    "k:x..x....X....... s:........X......o h:xxx.xxx.xxx.xxx.",
)
REGGAE_STEPPERS = (
    "k:X...X...X...X... r:........X....... h:x.x.x.x.x.x.x.x.",
    "k:X...X...X...X... s:........X..o.... h:..x...x...x...x. S:xoxoxoxoxoxoxoxo",
    "k:X...X...X...X... r:....x..x....x..x o:..x...x...x...x.",
)
REGGAE_SKA = (
    "k:....X.......X... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X...X...X...X... s:....X.......X... h:..x...x...x...x.",
    "k:X.......X....... s:....X.......X... R:x.x.x.x.x.x.x.x.",
)
REGGAE_ROCKSTEADY = (
    "k:........X....... r:........X....... h:..x...x...x...x.",
    "k:........X.....x. s:........X....... h:x.x.x.x.x.x.x.x. T:..x...x...x...x.",
)
REGGAE_DANCEHALL = (
    "k:X.......X....... s:...X..X....X..X. h:x.x.x.x.x.x.x.x.",
    "k:X..x....X..x.... s:......X.......X. h:..x...x...x...x.",
    "k:X.......X..x.... c:...x..X....x..X. S:xoxoxoxoxoxoxoxo",
    "k:X...X...X...X... s:...X..X....X..X. r:..x.......x.....",
)

POP_BACK = (
    "k:X.......X....... s:....X.......X... h:x.x.x.x.x.x.x.x.",
    "k:X.......X.x..... s:....X.......X... h:x.x.x.x.x.x.x.x. T:....x.......x...",
    "k:X.....x.X....... s:....X.......X... h:xoxoxoxoxoxoxoxo",
    "k:X..x....x.x..... s:....X.......X... h:x.x.x.x.x.x.x.x. S:xoxoxoxoxoxoxoxo",
)
POP_FOUR = (
    "k:X...X...X...X... c:....X.......X... o:..x...x...x...x.",
    "k:X...X...X...X... s:....X.......X... h:xxxxxxxxxxxxxxxx o:..x...x...x...x.",
    "k:X...X...X...X... c:....X.......X... h:..x...x...x...x. S:xoxoxoxoxoxoxoxo",
)
POP_MODERN = (
    "k:X.....x...x..... c:....X.......X... h:x.x.x.x.x.x.x.xx",
    "k:X..x......x..x.. r:....X.......X... h:x.x.xxx.x.x.xxxx",
    "k:X......x..x..... c:........X....... h:x.x.x.x.x.x.x.x.",
)
POP_TOMS = (
    "k:X.......X....... s:....X.......X... L:x..x..x.x..x..x.",
    "k:X...X...X...X... c:....X.......X... F:..x..x....x..x..",
)
POP_SIX_EIGHT = ("k:X.....x..... s:......X..... h:x.xx.xx.xx.x", "k:X....xx..... s:...X.....X.. h:xxxxxxxxxxxx")
POP_LATIN = (
    "k:X...X...X...X... s:...X..X....X..X. h:x.x.x.x.x.x.x.x.",
    "k:X...X...X...X... r:x..x..x...x.x... g:..x..xx...x..xx. S:xoxoxoxoxoxoxoxo",
    "k:X..x....X..x.... s:...X..X....X..X. h:x.x.x.x.x.x.x.x. G:..x...x...x...xx",
)
POP_EIGHTIES = (
    "k:X.......X.x..... s:....X.......X... h:xxxxxxxxxxxxxxxx",
    "k:X...X...X...X... s:....X.......X... h:x.x.x.x.x.x.x.x. T:....x.......x...",
    "k:X.....x.X.....x. s:....X.......X... h:x.xxx.xxx.xxx.xx c:............x...",
)
