// The phases on a card. Compiled by Scripts/build-cuda-kernels into a library that is opened at run time.
//
// Everything is launched on the default stream, on which libtorch computes unless it is told otherwise.
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "../Phases.h"

namespace {

using namespace cards;

constexpr int threads_of_block = 256;

struct Failure {
    std::string text;
};

void check(cudaError_t status) {
    if (status != cudaSuccess) throw Failure{cudaGetErrorString(status)};
}

/// The sum over a block, in thread 0.
__device__ double block_sum(double own) {
    __shared__ double lanes[threads_of_block / 32];
    for (int distance = 16; distance > 0; distance /= 2) own += __shfl_down_sync(0xffffffff, own, distance);
    __syncthreads();
    if (threadIdx.x % 32 == 0) lanes[threadIdx.x / 32] = own;
    __syncthreads();
    double sum = 0;
    if (threadIdx.x == 0)
        for (double lane : lanes) sum += lane;
    return sum;
}

/// The job to which a chunk of all belongs.
__device__ int64_t job_of(const Work *works, int64_t count, int64_t chunk) {
    int64_t low = 0, high = count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (works[middle].first_chunk <= chunk) low = middle;
        else high = middle - 1;
    }
    return low;
}

template <typename Stored>
__device__ void survey_block(const cc_job &job, const Work &work, int64_t chunk, ck_sums &sums) {
    int thread = static_cast<int>(threadIdx.x);
    if (job.rule != CC_FACTORED) return survey_chunk<Stored>(job, chunk, thread, threads_of_block, sums);
    Tile tile = tile_of(job, work, chunk);
    survey_columns<Stored>(job, work, tile, thread, threads_of_block, sums);
    for (int64_t i = 0; i < tile.rows; ++i) {
        double row = block_sum(static_cast<double>(row_part<Stored>(job, tile, i, thread, threads_of_block)));
        if (thread == 0) work.row_partials[tile.column_block * job.rows + tile.row + i] = static_cast<float>(row);
    }
}

__global__ void __launch_bounds__(threads_of_block) survey_kernel(
    const cc_job *jobs, const Work *works, int64_t count, ck_sums *partials) {
    int64_t chunk = blockIdx.x, number = job_of(works, count, chunk);
    const Work &work = works[number];
    ck_sums own = {0, 0, 0, 0};
    if (jobs[number].bfloat16) survey_block<uint16_t>(jobs[number], work, chunk - work.first_chunk, own);
    else survey_block<float>(jobs[number], work, chunk - work.first_chunk, own);
    double gradient = block_sum(own.gradient);
    if (threadIdx.x == 0) partials[chunk].gradient = gradient;
}

__global__ void __launch_bounds__(threads_of_block) measure_kernel(
    const cc_job *jobs, const Work *works, int64_t count, ck_sums *partials) {
    int64_t chunk = blockIdx.x, number = job_of(works, count, chunk);
    const Work &work = works[number];
    if (!is_measured(jobs[number])) return;
    ck_sums own = {0, 0, 0, 0};
    int thread = static_cast<int>(threadIdx.x);
    if (jobs[number].bfloat16)
        measure_chunk<uint16_t>(jobs[number], work, chunk - work.first_chunk, thread, threads_of_block, own);
    else
        measure_chunk<float>(jobs[number], work, chunk - work.first_chunk, thread, threads_of_block, own);
    double step = block_sum(own.step), decay = block_sum(own.decay);
    if (threadIdx.x == 0) {
        partials[chunk].step = step;
        partials[chunk].decay = decay;
    }
}

__global__ void __launch_bounds__(threads_of_block) move_kernel(
    const cc_job *jobs, const Work *works, int64_t count, ck_sums *partials) {
    int64_t chunk = blockIdx.x, number = job_of(works, count, chunk);
    const Work &work = works[number];
    ck_sums own = {0, 0, 0, 0};
    int thread = static_cast<int>(threadIdx.x);
    if (jobs[number].bfloat16)
        move_chunk<uint16_t>(jobs[number], work, chunk - work.first_chunk, thread, threads_of_block, own);
    else
        move_chunk<float>(jobs[number], work, chunk - work.first_chunk, thread, threads_of_block, own);
    double change = block_sum(own.change);
    if (threadIdx.x == 0) partials[chunk].change = change;
}

enum class Sum { gradient, measured, change };

/// Adds the sums of a tensor's chunks up in their order, a block a tensor; of measured ones, the clips follow.
__global__ void __launch_bounds__(threads_of_block) settle_kernel(
    cc_job *jobs, const Work *works, const ck_sums *partials, Sum which) {
    cc_job &job = jobs[blockIdx.x];
    const Work &work = works[blockIdx.x];
    ck_sums own = {0, 0, 0, 0};
    for (int64_t chunk = threadIdx.x; chunk < work.chunk_count; chunk += threads_of_block) {
        const ck_sums &part = partials[work.first_chunk + chunk];
        own.gradient += part.gradient;
        own.step += part.step;
        own.decay += part.decay;
        own.change += part.change;
    }
    double gradient = block_sum(own.gradient), step = block_sum(own.step), decay = block_sum(own.decay);
    double change = block_sum(own.change);
    if (threadIdx.x != 0) return;
    if (which == Sum::gradient) job.sums.gradient = gradient;
    if (which == Sum::change) job.sums.change = change;
    if (which == Sum::measured && is_measured(job)) {
        job.sums.step = step;
        job.sums.decay = decay;
        resolve(job);
    }
}

/// Moves the row and column sums of a matrix, a block each, and leaves the powers of the factors in place of the partials.
__global__ void __launch_bounds__(threads_of_block) prepare_kernel(cc_job *jobs, const Work *works) {
    cc_job &job = jobs[blockIdx.x];
    const Work &work = works[blockIdx.x];
    if (job.rule != CC_FACTORED) return;
    __shared__ double whole;
    double own = 0;
    for (int64_t i = threadIdx.x; i < job.rows; i += threads_of_block) {
        float row = factor_after(job, job.row_sums[i], work.row_partials, work.column_blocks, job.rows, i, job.columns);
        job.row_sums[i] = row;
        own += static_cast<double>(row);
    }
    double total = block_sum(own);
    if (threadIdx.x == 0) whole = total;
    for (int64_t j = threadIdx.x; j < job.columns; j += threads_of_block)
        job.column_sums[j] =
            factor_after(job, job.column_sums[j], work.column_partials, work.row_blocks, job.columns, j, job.rows);
    // The partials are read by all before the first is overwritten.
    __syncthreads();
    for (int64_t i = threadIdx.x; i < job.rows; i += threads_of_block)
        work.row_partials[i] = factor_power(static_cast<double>(job.row_sums[i]), job.metric);
    for (int64_t j = threadIdx.x; j < job.columns; j += threads_of_block)
        work.column_partials[j] =
            factor_power(whole > 0 ? static_cast<double>(job.column_sums[j]) / whole : 0, job.metric);
}

}  // namespace

struct cc_update_s {
    int device = 0;
    int64_t count = 0, chunks = 0;
    bool has_factors = false, is_measured = false;
    cc_job *jobs = nullptr;
    Work *works = nullptr;
    ck_sums *partials = nullptr;
    float *memory = nullptr;

    ~cc_update_s() {
        for (void *pointer : {static_cast<void *>(jobs), static_cast<void *>(works), static_cast<void *>(partials),
                              static_cast<void *>(memory)})
            if (pointer != nullptr) cudaFreeAsync(pointer, nullptr);
    }
};

namespace {

/// Runs work on a device and puts the current one back; the failure's text stays until the next one of this thread.
template <typename Body>
const char *on(int device, Body body) {
    static thread_local std::string kept;
    int former = 0;
    try {
        check(cudaGetDevice(&former));
        check(cudaSetDevice(device));
        body();
        check(cudaGetLastError());
        cudaSetDevice(former);
        return nullptr;
    } catch (const Failure &failure) {
        cudaSetDevice(former);
        kept = failure.text;
        return kept.c_str();
    }
}

template <typename Element>
Element *allocated(int64_t count) {
    void *made = nullptr;
    check(cudaMallocAsync(&made, static_cast<size_t>(count > 0 ? count : 1) * sizeof(Element), nullptr));
    return static_cast<Element *>(made);
}

template <typename Element>
void upload(Element *to, const Element *from, int64_t count) {
    check(cudaMemcpyAsync(to, from, static_cast<size_t>(count) * sizeof(Element), cudaMemcpyHostToDevice, nullptr));
}

const char *begin(const cc_job *jobs, int64_t count, int32_t device, cc_update *update) {
    *update = nullptr;
    auto *made = new cc_update_s();
    const char *failure = on(device, [&] {
        made->device = device;
        made->count = count;
        std::vector<Work> works(static_cast<size_t>(count));
        std::vector<int64_t> starts;
        int64_t floats = 0;
        for (int64_t k = 0; k < count; ++k) {
            starts.push_back(floats);
            floats += cut(jobs[k], made->chunks, works[static_cast<size_t>(k)]);
            made->chunks += works[static_cast<size_t>(k)].chunk_count;
            made->has_factors = made->has_factors || jobs[k].rule == CC_FACTORED;
            made->is_measured = made->is_measured || cards::is_measured(jobs[k]);
        }
        made->memory = allocated<float>(floats);
        for (int64_t k = 0; k < count; ++k)
            place(jobs[k], made->memory + starts[static_cast<size_t>(k)], works[static_cast<size_t>(k)]);
        made->jobs = allocated<cc_job>(count);
        made->works = allocated<Work>(count);
        made->partials = allocated<ck_sums>(made->chunks);
        check(cudaMemsetAsync(made->partials, 0, static_cast<size_t>(made->chunks) * sizeof(ck_sums), nullptr));
        upload(made->works, works.data(), count);
        upload(made->jobs, jobs, count);
    });
    if (failure == nullptr) *update = made;
    else delete made;
    return failure;
}

void download(cc_update update, cc_job *jobs) {
    check(cudaMemcpyAsync(
        jobs, update->jobs, static_cast<size_t>(update->count) * sizeof(cc_job), cudaMemcpyDeviceToHost, nullptr));
    check(cudaStreamSynchronize(nullptr));
}

const char *survey(cc_update update, cc_job *jobs) {
    return on(update->device, [&] {
        auto blocks = static_cast<unsigned>(update->chunks), tensors = static_cast<unsigned>(update->count);
        if (blocks > 0)
            survey_kernel<<<blocks, threads_of_block>>>(update->jobs, update->works, update->count, update->partials);
        settle_kernel<<<tensors, threads_of_block>>>(update->jobs, update->works, update->partials, Sum::gradient);
        download(update, jobs);
    });
}

const char *move(cc_update update, cc_job *jobs) {
    return on(update->device, [&] {
        auto blocks = static_cast<unsigned>(update->chunks), tensors = static_cast<unsigned>(update->count);
        upload(update->jobs, jobs, update->count);
        if (update->has_factors) prepare_kernel<<<tensors, threads_of_block>>>(update->jobs, update->works);
        if (update->is_measured) {
            if (blocks > 0)
                measure_kernel<<<blocks, threads_of_block>>>(
                    update->jobs, update->works, update->count, update->partials);
            settle_kernel<<<tensors, threads_of_block>>>(update->jobs, update->works, update->partials, Sum::measured);
        }
        if (blocks > 0)
            move_kernel<<<blocks, threads_of_block>>>(update->jobs, update->works, update->count, update->partials);
        settle_kernel<<<tensors, threads_of_block>>>(update->jobs, update->works, update->partials, Sum::change);
        download(update, jobs);
    });
}

void end(cc_update update) {
    on(update->device, [&] { delete update; });
}

double copy_seconds(int32_t device, int64_t bytes) {
    double best = 0;
    on(device, [&] {
        void *from = nullptr, *to = nullptr;
        cudaEvent_t first, last;
        check(cudaMalloc(&from, static_cast<size_t>(bytes)));
        check(cudaMalloc(&to, static_cast<size_t>(bytes)));
        check(cudaEventCreate(&first));
        check(cudaEventCreate(&last));
        for (int turn = 0; turn < 6; ++turn) {
            check(cudaEventRecord(first));
            check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, nullptr));
            check(cudaEventRecord(last));
            check(cudaEventSynchronize(last));
            float milliseconds = 0;
            check(cudaEventElapsedTime(&milliseconds, first, last));
            double seconds = static_cast<double>(milliseconds) / 1000;
            if (turn > 0 && (best == 0 || seconds < best)) best = seconds;
        }
        cudaEventDestroy(first);
        cudaEventDestroy(last);
        cudaFree(from);
        cudaFree(to);
    });
    return best;
}

}  // namespace

int64_t cc_layout(void) { return static_cast<int64_t>(sizeof(cc_job) * 1000 + sizeof(cc_table)); }

extern "C" __attribute__((visibility("default"))) const cc_table *cc_cuda_table(void) {
    static const cc_table table = {cc_layout(), begin, survey, move, end, copy_seconds};
    return &table;
}
