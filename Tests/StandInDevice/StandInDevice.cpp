// A second device for tests: libtorch's PrivateUse1 backend, whose kernels are those of the CPU.
#include "StandInDevice.h"

#if __has_include(<torch/library.h>)

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

namespace {

constexpr auto here = c10::DeviceType::PrivateUse1;
std::atomic<int64_t> operations{0}, synchronizations{0}, transfers{0};

// MARK: Memory

/// The device's tensor over the memory of a tensor of the CPU.
at::Tensor moved(const at::Tensor &cpu, const c10::Storage &storage) {
    auto made = at::detail::make_tensor<c10::TensorImpl>(
        c10::Storage(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), cpu.dtype());
    made.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
    return made;
}

c10::Storage relabeled(const c10::Storage &storage, c10::Device device) {
    auto *keeper = new c10::Storage(storage);
    auto pointer = c10::DataPtr(
        const_cast<void *>(storage.data()), keeper,
        [](void *kept) { delete static_cast<c10::Storage *>(kept); }, device);
    return c10::Storage(
        c10::Storage::use_byte_size_t(), storage.nbytes(), std::move(pointer), c10::GetAllocator(c10::DeviceType::CPU),
        true);
}

at::Tensor moved(const at::Tensor &cpu) { return moved(cpu, relabeled(cpu.storage(), c10::Device(here, 0))); }

/// The tensor of the CPU over the memory of one of the device.
at::Tensor lent(const at::Tensor &own, const c10::Storage &storage) {
    auto made = at::detail::make_tensor<c10::TensorImpl>(
        c10::Storage(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), own.dtype());
    made.unsafeGetTensorImpl()->set_sizes_and_strides(own.sizes(), own.strides(), own.storage_offset());
    return made;
}

at::Tensor lent(const at::Tensor &own) {
    return own.device().type() == here ? lent(own, relabeled(own.storage(), c10::kCPU)) : own;
}

// MARK: Random numbers

/// A generator of the device. As a card's, its state is a seed and an offset, 16 bytes: each operation that draws has a
/// generator of the CPU that they determine.
struct Generator final : c10::GeneratorImpl {
    uint64_t first = 0, offset = 0;

    Generator() : c10::GeneratorImpl(c10::Device(here, 0), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)) {}

    at::Generator next() { return at::detail::createCPUGenerator(first ^ (0x9e3779b97f4a7c15 * ++offset)); }

    void set_current_seed(uint64_t seed) override { first = seed, offset = 0; }
    void set_offset(uint64_t other) override { offset = other; }
    uint64_t get_offset() const override { return offset; }
    uint64_t current_seed() const override { return first; }
    uint64_t seed() override { return first; }
    void set_state(const c10::TensorImpl &state) override {
        TORCH_CHECK(state.numel() == 16, "this is no state of a generator of the stand-in");
        auto *words = static_cast<const uint64_t *>(state.data());
        first = words[0], offset = words[1];
    }
    c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
        auto bytes = at::empty({16}, at::kByte);
        auto *words = static_cast<uint64_t *>(bytes.data_ptr());
        words[0] = first, words[1] = offset;
        return bytes.unsafeReleaseIntrusivePtr();
    }

  private:
    c10::GeneratorImpl *clone_impl() const override { return new Generator(*this); }
    Generator(const Generator &other) : Generator() { first = other.first, offset = other.offset; }
};

// MARK: The device

struct Guard final : c10::impl::DeviceGuardImplInterface {
    c10::DeviceType type() const override { return here; }
    c10::Device exchangeDevice(c10::Device) const override { return {here, 0}; }
    c10::Device getDevice() const override { return {here, 0}; }
    void setDevice(c10::Device) const override {}
    void uncheckedSetDevice(c10::Device) const noexcept override {}
    c10::Stream getStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, c10::Device(here, 0)); }
    c10::Stream getDefaultStream(c10::Device device) const override { return getStream(device); }
    c10::Stream exchangeStream(c10::Stream) const override { return getStream({here, 0}); }
    c10::DeviceIndex deviceCount() const noexcept override { return 1; }
    void record(void **, const c10::Stream &, const c10::DeviceIndex, const c10::EventFlag) const override {}
    void block(void *, const c10::Stream &) const override {}
    bool queryEvent(void *) const override { return true; }
    bool queryStream(const c10::Stream &) const override { return true; }
    void synchronizeStream(const c10::Stream &) const override {}
    void synchronizeDevice(const c10::DeviceIndex) const override { ++synchronizations; }
};

struct Hooks final : at::PrivateUse1HooksInterface {
    bool isBuilt() const override { return true; }
    bool isAvailable() const override { return true; }
    c10::DeviceIndex deviceCount() const override { return 1; }
    bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
    at::Generator getNewGenerator(c10::DeviceIndex) const override {
        return at::make_generator<Generator>();
    }
};

// MARK: Operations

/// Runs any operation on the CPU, over the same memory.
void run(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
    ++operations;
    const auto &schema = op.schema();
    const auto count = schema.arguments().size();
    auto arguments = torch::jit::last(*stack, count);
    std::map<c10::StorageImpl *, std::pair<c10::Storage, c10::Storage>> lendings;  // by the CPU's: both
    std::map<c10::StorageImpl *, c10::Storage> known;
    std::vector<std::pair<at::Tensor, at::Tensor>> pairs;  // the device's and the CPU's of what may be written
    auto lend = [&](const at::Tensor &own) {
        if (!own.defined()) return own;
        if (own.device().type() != here) {
            TORCH_CHECK(
                own.dim() == 0, "Expected all tensors to be on the same device, but found at least two devices, ",
                "standin:0 and ", own.device(), "! (", op.schema().operator_name(), ")");
            return own;
        }
        auto *implementation = own.storage().unsafeGetStorageImpl();
        auto found = known.find(implementation);
        if (found == known.end()) {
            found = known.emplace(implementation, relabeled(own.storage(), c10::kCPU)).first;
            lendings.emplace(found->second.unsafeGetStorageImpl(), std::pair(found->second, own.storage()));
        }
        auto cpu = lent(own, found->second);
        pairs.emplace_back(own, cpu);
        return cpu;
    };
    std::vector<c10::IValue> converted;
    for (size_t k = 0; k < count; ++k) {
        const c10::IValue &value = arguments[k];
        if (value.isTensor()) {
            converted.emplace_back(lend(value.toTensor()));
        } else if (value.isTensorList()) {
            c10::List<at::Tensor> list;
            for (const at::Tensor &tensor : value.toTensorVector()) list.push_back(lend(tensor));
            converted.emplace_back(list);
        } else if (value.isOptionalTensorList()) {
            c10::List<std::optional<at::Tensor>> list;
            for (const std::optional<at::Tensor> &tensor : value.toOptionalTensorVector())
                list.push_back(tensor.has_value() ? std::optional<at::Tensor>(lend(*tensor)) : std::nullopt);
            converted.emplace_back(list);
        } else if (value.isDevice()) {
            converted.emplace_back(c10::Device(c10::kCPU));
        } else if (value.isGenerator() && value.toGenerator().defined()) {
            auto given = value.toGenerator();
            TORCH_CHECK(
                given.device().type() == here, "Expected a 'standin' device type for generator but found '",
                given.device().type(), "'");
            converted.emplace_back(static_cast<Generator *>(given.unsafeGetGeneratorImpl())->next());
        } else {
            converted.push_back(value);
        }
    }
    torch::jit::drop(*stack, count);
    torch::jit::Stack inner(converted.begin(), converted.end());
    op.callBoxed(inner);
    auto take = [&](const at::Tensor &cpu) {
        if (!cpu.defined()) return cpu;
        for (auto &[own, other] : pairs)
            if (other.is_same(cpu)) {
                // An operation in place, or with a given result, may have given it another size.
                if (own.sizes() != cpu.sizes() || own.storage().data() != cpu.storage().data()) {
                    own.unsafeGetTensorImpl()->set_storage_keep_dtype(relabeled(cpu.storage(), c10::Device(here, 0)));
                    own.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
                }
                return own;
            }
        auto lending = lendings.find(cpu.storage().unsafeGetStorageImpl());
        return lending == lendings.end() ? moved(cpu) : moved(cpu, lending->second.second);
    };
    for (auto &value : inner) {
        if (value.isTensor()) {
            torch::jit::push(*stack, take(value.toTensor()));
        } else if (value.isTensorList()) {
            c10::List<at::Tensor> list;
            for (const at::Tensor &tensor : value.toTensorVector()) list.push_back(take(tensor));
            torch::jit::push(*stack, list);
        } else {
            torch::jit::push(*stack, value);
        }
    }
}

at::Tensor copy_from(const at::Tensor &from, const at::Tensor &to, bool) {
    if (from.device() != to.device()) ++transfers;
    lent(to).copy_(lent(from));
    return to;
}

at::Tensor convolution(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding, int64_t groups) {
    ++operations;
    std::optional<at::Tensor> own;
    if (bias.has_value() && bias->defined()) own = lent(*bias);
    return moved(at::convolution(
        lent(input), lent(weight), own, stride, padding, dilation, transposed, output_padding, groups).contiguous());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor &slope, const at::Tensor &input, const at::Tensor &weight, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding, int64_t groups,
    std::array<bool, 3> wanted) {
    ++operations;
    std::vector<int64_t> bias{slope.size(1)};
    auto [a, b, c] = at::convolution_backward(
        lent(slope), lent(input), lent(weight), at::OptionalIntArrayRef(bias), stride, padding, dilation, transposed,
        output_padding, groups, wanted);
    auto take = [](const at::Tensor &tensor) { return tensor.defined() ? moved(tensor.contiguous()) : tensor; };
    return {take(a), take(b), take(c)};
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&run>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
    library.impl("_copy_from", TORCH_FN(copy_from));
    library.impl("convolution_overrideable", TORCH_FN(convolution));
    library.impl("convolution_backward_overrideable", TORCH_FN(convolution_backward));
}

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

const bool isRegistered = [] {
    at::RegisterPrivateUse1HooksInterface(new Hooks());
    return true;
}();

}  // namespace

void stand_in_begin(void) {
    static std::once_flag once;
    std::call_once(once, [] { c10::register_privateuse1_backend("standin"); });
}

int64_t stand_in_operation_count(void) { return operations.load(); }
int64_t stand_in_synchronization_count(void) { return synchronizations.load(); }
int64_t stand_in_transfer_count(void) { return transfers.load(); }

#endif
