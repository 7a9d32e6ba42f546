#pragma once

// A program that links this target, and not CEngine, has the functions of CTorch.h all the same: the first call of one opens
// the library FisherEngine, which contains CEngine and is linked with libtorch. Until then libtorch, whose loading takes a fifth
// of a second, is not there.
//
// The library lies beside the program. Where it cannot be opened, the process ends with one sentence and status 69. There is
// nothing to be called.
