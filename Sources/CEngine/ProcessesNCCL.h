// Processes whose tensors lie on cards.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace ctorch {

/// A group that exchanges tensors of cards by NCCL. Fails, in a sentence, where the library with it is not there.
c10::intrusive_ptr<c10d::Backend> nccl_group(
    const c10::intrusive_ptr<c10d::Store> &store, int32_t rank, int32_t size, int64_t timeout);

}  // namespace ctorch
