// Processes whose tensors lie on cards: libtorch's c10d with NCCL, which only its builds with CUDA have.
//
// What names NCCL is in CUDA/Group.cpp, which Scripts/build-cuda-kernels compiles into the library of kernels: a program
// that is linked to libtorch's CUDA library would need it on every machine.
#include "Border.h"

#ifdef CTORCH_ENGINE

#define USE_DISTRIBUTED 1

#include "ProcessesNCCL.h"

#include <dlfcn.h>

#include <string>

using namespace ctorch;

c10::intrusive_ptr<c10d::Backend> ctorch::nccl_group(
    const c10::intrusive_ptr<c10d::Store> &store, int32_t rank, int32_t size, int64_t timeout) {
    TORCH_CHECK(ct_cuda_device_count() > 0, "processes can exchange tensors of cards only where there are cards");
    void *library = dlopen(ct_cuda_kernels_path(), RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(
        library != nullptr, "processes exchange tensors of cards by a library that is not there (",
        ct_cuda_kernels_path(), "): build it by Scripts/build-cuda-kernels");
    using Create = void *(*)(void *, int32_t, int32_t, int64_t, const char **);
    auto create = reinterpret_cast<Create>(dlsym(library, "ct_cuda_group"));
    TORCH_CHECK(create != nullptr, ct_cuda_kernels_path(), " was built without NCCL");
    const char *reason = nullptr;
    void *group = create(store.get(), rank, size, timeout, &reason);
    TORCH_CHECK(group != nullptr, reason);
    return c10::intrusive_ptr<c10d::Backend>::reclaim(static_cast<c10d::Backend *>(group));
}

#endif
