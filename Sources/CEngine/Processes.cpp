// Processes that compute together: libtorch's c10d with gloo, which is part of every build of it.
#include "Border.h"

#ifdef CTORCH_ENGINE

#define USE_DISTRIBUTED 1
#define USE_C10D_GLOO 1

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <ATen/core/Tensor.h>

#include "ProcessesNCCL.h"

#include <c10/util/Logging.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace ctorch;

struct ct_store_s {
    c10::intrusive_ptr<c10d::Store> store;
};

struct ct_group_s {
    c10::intrusive_ptr<c10d::Backend> group;
};

struct ct_work_s {
    c10::intrusive_ptr<c10d::Work> work;
    // The tensors live until the work is done.
    std::vector<at::Tensor> tensors;
};

namespace {

std::chrono::milliseconds milliseconds(int64_t count) { return std::chrono::milliseconds(count); }

template <typename Start>
ct_work start(std::vector<at::Tensor> tensors, Start &&begin) {
    return guarded<ct_work>(nullptr, [&] {
        auto *work = new ct_work_s{nullptr, std::move(tensors)};
        try {
            work->work = begin(work->tensors);
        } catch (...) {
            delete work;
            throw;
        }
        return work;
    });
}

// What fails is returned: its log, with traces of the stack, is for the engine's developers, who set a level.
void keep_quiet() {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = 3;
}

}  // namespace

ct_store ct_store_tcp(const char *host, int32_t port, bool serves, int64_t timeout) {
    return guarded<ct_store>(nullptr, [&] {
        keep_quiet();
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout);
        return new ct_store_s{c10::make_intrusive<c10d::TCPStore>(host, options)};
    });
}

ct_store ct_store_file(const char *path, int32_t size, int64_t timeout) {
    return guarded<ct_store>(nullptr, [&] {
        keep_quiet();
        c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::FileStore>(path, size);
        store->setTimeout(milliseconds(timeout));
        return new ct_store_s{std::move(store)};
    });
}

void ct_store_release(ct_store store) {
    guarded([&] { delete store; });
}

ct_status ct_store_set(ct_store store, const char *key, const char *value) {
    return guarded([&] { store->store->set(key, std::vector<uint8_t>(value, value + std::strlen(value))); });
}

ct_status ct_store_wait(ct_store store, const char *key, int64_t timeout) {
    return guarded([&] { store->store->wait({key}, milliseconds(timeout)); });
}

int64_t ct_store_get(ct_store store, const char *key, char *value, int64_t capacity) {
    return guarded<int64_t>(-1, [&] {
        auto bytes = store->store->get(key);
        auto count = std::min(static_cast<int64_t>(bytes.size()), capacity);
        std::copy(bytes.begin(), bytes.begin() + count, value);
        return static_cast<int64_t>(bytes.size());
    });
}

ct_group ct_group_create(
    ct_store store, int32_t rank, int32_t size, const char *address, int64_t timeout, bool on_cards) {
    return guarded<ct_group>(nullptr, [&] {
        if (on_cards) return new ct_group_s{nccl_group(store->store, rank, size, timeout)};
        auto options = address == nullptr ? c10d::ProcessGroupGloo::Options::create_default(milliseconds(timeout))
                                          : c10d::ProcessGroupGloo::Options::create(milliseconds(timeout));
        if (address != nullptr) {
            options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
        }
        return new ct_group_s{c10::make_intrusive<c10d::ProcessGroupGloo>(store->store, rank, size, options)};
    });
}

void ct_group_release(ct_group group) {
    guarded([&] { delete group; });
}

ct_work ct_group_reduce(ct_group group, ct_tensor tensor, ct_reduction reduction) {
    return start({borrow(tensor)}, [&](std::vector<at::Tensor> &tensors) {
        c10d::AllreduceOptions options;
        options.reduceOp = reduction == CT_MAXIMUM ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
        return group->group->allreduce(tensors, options);
    });
}

ct_work ct_group_broadcast(ct_group group, ct_tensor tensor, int32_t root) {
    return start({borrow(tensor)}, [&](std::vector<at::Tensor> &tensors) {
        c10d::BroadcastOptions options;
        options.rootRank = root;
        return group->group->broadcast(tensors, options);
    });
}

ct_work ct_group_reduce_scatter(ct_group group, ct_tensor result, ct_tensor tensor) {
    return start({borrow(result), borrow(tensor)}, [&](std::vector<at::Tensor> &tensors) {
        return group->group->_reduce_scatter_base(tensors[0], tensors[1]);
    });
}

ct_work ct_group_all_gather(ct_group group, ct_tensor result, ct_tensor tensor) {
    return start({borrow(result), borrow(tensor)}, [&](std::vector<at::Tensor> &tensors) {
        return group->group->_allgather_base(tensors[0], tensors[1]);
    });
}

ct_work ct_group_barrier(ct_group group) {
    return start({}, [&](std::vector<at::Tensor> &) { return group->group->barrier(); });
}

ct_status ct_work_wait(ct_work work) {
    return guarded([&] { work->work->wait(); });
}

void ct_work_release(ct_work work) {
    guarded([&] { delete work; });
}

#endif
