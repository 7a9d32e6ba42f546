#pragma once

// A program that links this target, and neither CEngine nor PageServer, has the functions of CTorch.h and CPages.h all the same:
// the first call of one opens the library FisherEngine, which contains both and is linked with libtorch and libcurl. Until then
// libtorch, whose loading takes a fifth of a second, is not there.
//
// The library lies beside the program. Where it cannot be opened, the process ends with one sentence and status 69. There is
// nothing to be called.
