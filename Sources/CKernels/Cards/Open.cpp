// The library of kernels for CUDA, opened where it is there.
#include <dlfcn.h>

#include <string>

#include "CKernelsCards.h"

const cc_table *cc_open(const char *path, const char **reason) {
    static std::string kept;
    *reason = "";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char *found = dlerror();
        kept = found == nullptr ? "it cannot be opened" : found;
        *reason = kept.c_str();
        return nullptr;
    }
    auto give = reinterpret_cast<const cc_table *(*)(void)>(dlsym(library, "cc_cuda_table"));
    const cc_table *table = give == nullptr ? nullptr : give();
    if (table != nullptr && table->layout == cc_layout()) return table;
    *reason = "it was built for another version of this package: run Scripts/build-cuda-kernels again";
    return nullptr;
}
