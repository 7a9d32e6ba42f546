// The group of processes with NCCL, part of the library that Scripts/build-cuda-kernels makes against a libtorch with CUDA.
#define USE_DISTRIBUTED 1
#define USE_C10D_NCCL 1

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <string>

/// A c10d::Backend over a c10d::Store, owned by the caller; NULL with the reason, which stays until the next call.
extern "C" __attribute__((visibility("default"))) void *ct_cuda_group(
    void *store, int32_t rank, int32_t size, int64_t timeout, const char **reason) {
    static thread_local std::string kept;
    try {
        auto options = c10d::ProcessGroupNCCL::Options::create();
        options->timeout = std::chrono::milliseconds(timeout);
        auto held = c10::intrusive_ptr<c10d::Store>::reclaim_copy(static_cast<c10d::Store *>(store));
        auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(held, rank, size, options);
        return static_cast<c10d::Backend *>(group.release());
    } catch (const std::exception &error) {
        kept = error.what();
        *reason = kept.c_str();
        return nullptr;
    }
}
