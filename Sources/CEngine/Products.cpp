// Products of float32 matrices by the library that is faster on this processor.
//
// libtorch gives products of float32 matrices to MKL. On processors of another maker MKL leaves the widest vectors unused, and
// oneDNN, which libtorch contains for products of narrower types and for convolutions, takes half the time. So the CPU's
// kernels of mm, addmm and bmm are replaced by ones that ask, for each product, which of the two to use; everything that ends in
// one of them, autograd's backward passes included, follows.
#include "Replacement.h"

#ifdef CTORCH_ENGINE

#include <ATen/Context.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/bmm_cpu_dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string_view>
#include <utility>

using namespace ctorch;

namespace {

/// result = beta result + alpha left right, all of two or three dimensions.
using Product = void (*)(const at::Tensor &, const at::Tensor &, const at::Tensor &, float, float);

/// libtorch's entry to oneDNN, which its headers do not declare; null in a libtorch without it.
Product one_dnn() {
    static const auto found = reinterpret_cast<Product>(
        dlsym(RTLD_DEFAULT, "_ZN2at6native13mkldnn_matmulERKNS_6TensorES3_S3_ff"));
    return found;
}

/// A ct_products_kind, or -1 while none was chosen.
std::atomic<int32_t> chosen{-1};
/// What this thread was given for a while, or -1.
thread_local int32_t given = -1;
std::once_flag once;
std::atomic<double> milliseconds[2] = {0, 0};

/// The multiplications from which a product is worth oneDNN's preparation of some 12 microseconds.
constexpr int64_t worthwhile = 1 << 20, worthwhile_batch = 1 << 22;
/// The smallest of a product's three sizes from which it is one of matrices rather than of vectors.
constexpr int64_t thinnest = 8;
/// The rows from which a piece of a product is oneDNN's.
constexpr int64_t smallest_piece = 32;
/// The choice falls on oneDNN where it takes at most this share of MKL's time, well away from what two runs could differ in.
constexpr double clearly_less = 0.85;

double elapsed(const std::chrono::steady_clock::time_point &begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Both libraries' times for a product of 256 x 256 matrices, the least of several.
void measure() {
    c10::InferenceMode guard;
    auto left = at::full({256, 256}, 0.5, at::kFloat), right = at::full({256, 256}, 0.25, at::kFloat);
    auto result = at::empty({256, 256}, at::kFloat);
    double least[2] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (int turn = 0; turn < 9; ++turn) {
        auto begin = std::chrono::steady_clock::now();
        at::cpu::mm_out(result, left, right.t());
        least[CT_PRODUCTS_ENGINE] = std::min(least[CT_PRODUCTS_ENGINE], elapsed(begin));
        begin = std::chrono::steady_clock::now();
        one_dnn()(left, right.t(), result, 0, 1);
        least[CT_PRODUCTS_ONEDNN] = std::min(least[CT_PRODUCTS_ONEDNN], elapsed(begin));
    }
    for (int k : {CT_PRODUCTS_ENGINE, CT_PRODUCTS_ONEDNN}) milliseconds[k] = least[k];
}

bool can_use_one_dnn() { return one_dnn() != nullptr && at::globalContext().userEnabledMkldnn(); }

int32_t choice() {
    if (given >= 0) return given;
    auto now = chosen.load(std::memory_order_relaxed);
    if (now >= 0) return now;
    std::call_once(once, [] {
        int32_t found = CT_PRODUCTS_ENGINE;
        if (can_use_one_dnn()) {
            measure();
            if (milliseconds[CT_PRODUCTS_ONEDNN] <= clearly_less * milliseconds[CT_PRODUCTS_ENGINE]) found = CT_PRODUCTS_ONEDNN;
        }
        int32_t none = -1;
        chosen.compare_exchange_strong(none, found);
    });
    return chosen.load(std::memory_order_relaxed);
}

bool is_plain(const at::Tensor &tensor, int64_t dimensions) {
    return tensor.dim() == dimensions && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided
        && tensor.device().is_cpu();
}

/// Whether oneDNN is to multiply them; what it is not to, the engine does, and refuses where the shapes do not fit.
bool suits(const at::Tensor &left, const at::Tensor &right, int64_t dimensions) {
    if (!is_plain(left, dimensions) || !is_plain(right, dimensions)) return false;
    auto rows = left.size(-2), inner = left.size(-1), columns = right.size(-1);
    if (right.size(-2) != inner || std::min({rows, inner, columns}) < thinnest) return false;
    auto batch = dimensions == 3 ? left.size(0) : 1;
    if (dimensions == 3 && right.size(0) != batch) return false;
    return batch * rows * inner * columns >= (dimensions == 3 ? worthwhile_batch : worthwhile)
        && choice() == CT_PRODUCTS_ONEDNN;
}

/// Whether a result can be written in place: it has the shape, is contiguous and none of the factors.
bool takes(const at::Tensor &out, const at::Tensor &left, const at::Tensor &right) {
    if (!is_plain(out, left.dim()) || !out.is_contiguous()) return false;
    if (left.dim() == 3 && out.size(0) != left.size(0)) return false;
    return out.size(-2) == left.size(-2) && out.size(-1) == right.size(-1)
        && at::get_overlap_status(out, left) == at::MemOverlapStatus::No
        && at::get_overlap_status(out, right) == at::MemOverlapStatus::No;
}

at::Tensor room(const at::Tensor &left, const at::Tensor &right) {
    auto sizes = left.sizes().vec();
    sizes.back() = right.size(-1);
    return at::empty(sizes, left.options());
}

/// The largest number of three significant bits that is at most `size`.
int64_t rounded(int64_t size) {
    int64_t shift = std::max<int64_t>(0, 61 - __builtin_clzll(static_cast<unsigned long long>(size)));
    return size >> shift << shift;
}

/// result = beta result + alpha left right, in pieces.
///
/// oneDNN compiles code for every shape, which takes a millisecond and is kept for a thousand of them. The rows of what layers
/// get, which are summed over in their weights' gradients, may be of another number in every batch, so they are cut into
/// pieces of which there are few: four sizes for each power of two, and what is left over by the engine.
void multiply(
    const at::Tensor &left, const at::Tensor &right, const at::Tensor &result, float beta, float alpha) {
    bool cuts_inner = left.stride(0) == 1;
    auto piece = [](int64_t size) { return size < smallest_piece ? size : rounded(size); };
    for (int64_t row = 0, height; row < left.size(0); row += height) {
        height = piece(left.size(0) - row);
        auto some_left = left.narrow(0, row, height), some_result = result.narrow(0, row, height);
        float kept = beta;
        for (int64_t depth = 0, length; depth < left.size(1); depth += length, kept = 1) {
            length = cuts_inner ? piece(left.size(1) - depth) : left.size(1);
            auto a = some_left.narrow(1, depth, length), b = right.narrow(0, depth, length);
            if (height >= smallest_piece && (!cuts_inner || length >= smallest_piece)) {
                one_dnn()(a, b, some_result, kept, alpha);
            } else {
                at::cpu::addmm_outf(some_result, a, b, kept, alpha, some_result);
            }
        }
    }
}

at::Tensor mm(const at::Tensor &left, const at::Tensor &right) {
    if (!suits(left, right, 2)) return at::cpu::mm(left, right);
    auto result = room(left, right);
    multiply(left, right, result, 0, 1);
    return result;
}

at::Tensor &mm_out(const at::Tensor &left, const at::Tensor &right, at::Tensor &out) {
    if (!suits(left, right, 2) || !takes(out, left, right)) return at::cpu::mm_outf(left, right, out);
    multiply(left, right, out, 0, 1);
    return out;
}

at::Tensor bmm(const at::Tensor &left, const at::Tensor &right) {
    if (!suits(left, right, 3)) return at::cpu::bmm(left, right);
    auto result = room(left, right);
    one_dnn()(left, right, result, 0, 1);
    return result;
}

at::Tensor &bmm_out(const at::Tensor &left, const at::Tensor &right, at::Tensor &out) {
    if (!suits(left, right, 3) || !takes(out, left, right)) return at::cpu::bmm_outf(left, right, out);
    one_dnn()(left, right, out, 0, 1);
    return out;
}

/// Whether `added` is a float32 tensor that broadcasts to the product, and the factors are real numbers.
bool adds(
    const at::Tensor &added, const at::Tensor &left, const at::Tensor &right, const at::Scalar &beta,
    const at::Scalar &alpha) {
    if (added.dim() > 2 || !is_plain(added, added.dim()) || beta.isComplex() || alpha.isComplex()) return false;
    int64_t target[] = {left.size(-2), right.size(-1)};
    for (int64_t k = 1; k <= added.dim(); ++k)
        if (added.size(-k) != 1 && added.size(-k) != target[2 - k]) return false;
    return true;
}

/// result = beta result + alpha left right, with what is to be added in the result; what beta = 0 cancels may be no number.
void add_product(
    const at::Tensor &result, const at::Tensor &added, const at::Tensor &left, const at::Tensor &right,
    const at::Scalar &beta, const at::Scalar &alpha) {
    auto share = beta.to<float>();
    if (share != 0 && !result.is_same(added)) result.copy_(added);
    multiply(left, right, result, share, alpha.to<float>());
}

/// Whether oneDNN is to make beta added + alpha left right; its sums need a product that is there.
bool suits(
    const at::Tensor &added, const at::Tensor &left, const at::Tensor &right, const at::Scalar &beta,
    const at::Scalar &alpha) {
    return suits(left, right, 2) && adds(added, left, right, beta, alpha) && alpha.to<float>() != 0;
}

at::Tensor addmm(
    const at::Tensor &added, const at::Tensor &left, const at::Tensor &right, const at::Scalar &beta,
    const at::Scalar &alpha) {
    if (!suits(added, left, right, beta, alpha)) return at::cpu::addmm(added, left, right, beta, alpha);
    auto result = room(left, right);
    add_product(result, added, left, right, beta, alpha);
    return result;
}

at::Tensor &addmm_out(
    const at::Tensor &added, const at::Tensor &left, const at::Tensor &right, const at::Scalar &beta,
    const at::Scalar &alpha, at::Tensor &out) {
    bool is_apart = out.is_same(added) || at::get_overlap_status(out, added) == at::MemOverlapStatus::No;
    if (!is_apart || !suits(added, left, right, beta, alpha) || !takes(out, left, right))
        return at::cpu::addmm_outf(added, left, right, beta, alpha, out);
    add_product(out, added, left, right, beta, alpha);
    return out;
}

at::Tensor &addmm_(
    at::Tensor &self, const at::Tensor &left, const at::Tensor &right, const at::Scalar &beta, const at::Scalar &alpha) {
    if (!suits(self, left, right, beta, alpha) || !takes(self, left, right))
        return at::cpu::addmm_(self, left, right, beta, alpha);
    add_product(self, self, left, right, beta, alpha);
    return self;
}

/// Until one of the kernels is called, nothing else happens.
[[maybe_unused]] const bool replaced = replacing_kernels(__FILE__, __LINE__, [](torch::Library &library) {
    library.impl("mm", TORCH_FN(mm));
    library.impl("mm.out", TORCH_FN(mm_out));
    library.impl("bmm", TORCH_FN(bmm));
    library.impl("bmm.out", TORCH_FN(bmm_out));
    library.impl("addmm", TORCH_FN(addmm));
    library.impl("addmm.out", TORCH_FN(addmm_out));
    library.impl("addmm_", TORCH_FN(addmm_));
    if (const char *wish = std::getenv("SWIFT_FISHER_PRODUCTS")) {
        if (std::string_view(wish) == "engine") chosen = CT_PRODUCTS_ENGINE;
        if (std::string_view(wish) == "onednn" && one_dnn() != nullptr) chosen = CT_PRODUCTS_ONEDNN;
    }
});

}  // namespace

int32_t ct_products(void) {
    return guarded<int32_t>(CT_PRODUCTS_ENGINE, [] { return choice(); });
}

int32_t ct_set_products(int32_t kind) {
    if (kind == CT_PRODUCTS_ONEDNN && !can_use_one_dnn()) return 0;
    chosen = kind;
    return 1;
}

int32_t ct_give_products(int32_t kind) {
    if (kind == CT_PRODUCTS_ONEDNN && !can_use_one_dnn()) return given;
    return std::exchange(given, kind);
}

double ct_products_milliseconds(int32_t kind) {
    return milliseconds[kind];
}

#endif
