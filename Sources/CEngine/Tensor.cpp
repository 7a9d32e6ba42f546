// Making, describing and releasing tensors.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/ops/empty.h>

using namespace ctorch;

ct_tensor ct_tensor_retain(ct_tensor tensor) { return give(borrow(tensor)); }
void ct_tensor_release(ct_tensor tensor) {
    if (tensor == nullptr) return;
    auto *impl = reinterpret_cast<c10::TensorImpl *>(tensor);
    c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(impl);
}

ct_tensor ct_tensor_empty(const int64_t *sizes, int64_t rank, int32_t type, int32_t device, int32_t index) {
    return guarded<ct_tensor>(nullptr, [&] {
        auto kind = static_cast<c10::DeviceType>(device);
        auto options = at::TensorOptions()
                           .dtype(static_cast<at::ScalarType>(type))
                           .device(c10::Device(kind, static_cast<c10::DeviceIndex>(index)));
        return give(at::empty(at::IntArrayRef(sizes, static_cast<size_t>(rank)), options));
    });
}

int64_t ct_tensor_rank(ct_tensor tensor) { return peek(tensor).dim(); }

void ct_tensor_sizes(ct_tensor tensor, int64_t *sizes) {
    auto all = peek(tensor).sizes();
    std::copy(all.begin(), all.end(), sizes);
}

int64_t ct_tensor_count(ct_tensor tensor) { return peek(tensor).numel(); }

int32_t ct_tensor_type(ct_tensor tensor) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(peek(tensor).dtype()));
}

int32_t ct_tensor_device(ct_tensor tensor) { return static_cast<int32_t>(peek(tensor).device().type()); }

int32_t ct_tensor_device_index(ct_tensor tensor) {
    return peek(tensor).device().has_index() ? peek(tensor).device().index() : 0;
}

bool ct_tensor_is_contiguous(ct_tensor tensor) { return peek(tensor).is_contiguous(); }

void *ct_tensor_data(ct_tensor tensor) {
    if (ct_tensor_count(tensor) == 0) return nullptr;
    return guarded<void *>(nullptr, [&] { return borrow(tensor).data_ptr(); });
}

void ct_tensor_note_change(ct_tensor tensor) {
    guarded([&] { borrow(tensor).unsafeGetTensorImpl()->bump_version(); });
}

int64_t ct_tensor_version(ct_tensor tensor) {
    return guarded<int64_t>(-1, [&] {
        auto counter = borrow(tensor).unsafeGetTensorImpl()->version_counter();
        return counter.enabled() ? static_cast<int64_t>(counter.current_version()) : int64_t{-1};
    });
}

#endif
