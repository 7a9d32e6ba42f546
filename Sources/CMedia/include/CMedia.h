// Libraries for sound and images that are opened at run time: nothing here is linked, and nothing has to be installed
// to build the package.
#ifndef CMEDIA_H
#define CMEDIA_H

#include <stddef.h>

/// Opens a shared library by path or name; NULL, and a reason in `reason`, if it cannot be opened.
void *cm_open(const char *path, char *reason, size_t capacity);

/// The address of a library's symbol; NULL if it has none.
void *cm_symbol(void *library, const char *name);

#endif
