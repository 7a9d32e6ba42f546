#include <dlfcn.h>
#include <stdio.h>

#include "CMedia.h"

void *cm_open(const char *path, char *reason, size_t capacity) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL && capacity > 0) {
        const char *text = dlerror();
        snprintf(reason, capacity, "%s", text != NULL ? text : "the system gave no reason");
    }
    return library;
}

void *cm_symbol(void *library, const char *name) { return dlsym(library, name); }
