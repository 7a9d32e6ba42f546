// Declarations shared by all areas at the border between C and C++: handles, and exceptions turned into failures.
#pragma once

// Every file fails where there is no suitable libtorch: one that compiled to nothing would still count as up
// to date once there is.
#if !__has_include(<torch/headeronly/version.h>)
#error "swift-fisher found no libtorch 2.13: run 'make engine' in its checkout or 'swift package prepare-engine' in yours, or set LIBTORCH=/path/to/libtorch or LIBTORCH_USE_PYTORCH=1."
#else
#include <torch/headeronly/version.h>
#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR != 13 || TORCH_VERSION_PATCH != 0
#error "swift-fisher needs libtorch 2.13.0, and LIBTORCH or LIBTORCH_USE_PYTORCH names another version: unset it and run 'make engine', or name a 2.13.0."
#else
#define CTORCH_ENGINE 1
#endif
#endif

#ifdef CTORCH_ENGINE

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <exception>
#include <utility>

#include "CTorch.h"

namespace ctorch {

/// Stores the exception that is being handled; to be called in a catch block.
ct_status keep_failure() noexcept;
/// Stores a failure of our own.
ct_status keep_failure(const char *message) noexcept;

/// Runs `work`, whose result is `failed` if it throws.
template <typename Result, typename Work>
Result guarded(Result failed, Work &&work) noexcept {
    try {
        return work();
    } catch (...) {
        keep_failure();
        return failed;
    }
}

/// Runs `work` for its effects.
template <typename Work>
ct_status guarded(Work &&work) noexcept {
    try {
        work();
        return CT_OK;
    } catch (...) {
        return keep_failure();
    }
}

/// A further reference to what a handle holds; NULL is the undefined tensor.
inline at::Tensor borrow(ct_tensor handle) {
    if (handle == nullptr) return at::Tensor();
    auto *impl = reinterpret_cast<c10::TensorImpl *>(handle);
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
}

/// The tensor behind a handle, without counting a reference.
inline const c10::TensorImpl &peek(ct_tensor handle) {
    return *reinterpret_cast<const c10::TensorImpl *>(handle);
}

/// Passes a reference to the caller.
inline ct_tensor give(at::Tensor tensor) {
    if (!tensor.defined()) return nullptr;
    return reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::Generator &generator(ct_generator handle) {
    return *reinterpret_cast<at::Generator *>(handle);
}

}  // namespace ctorch

#endif
