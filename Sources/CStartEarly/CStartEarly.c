#include "CStartEarly.h"

#include <CStart.h>

#ifdef __linux__

static void start(int count, char **arguments, char **environment) {
    (void)count;
    cs_wait_passively(arguments, environment);
}

// These functions of an executable run before the initializers of its libraries, of which those of libtorch take a quarter
// of a second: what is started anew has cost a few milliseconds. A shared library can have none, so this is a target apart.
__attribute__((section(".preinit_array"), used)) static void (*const entry)(int, char **, char **) = start;

#endif
