// The phases on the machine's own memory, a block of one thread at a time: for tests of what runs on cards.
#include <memory>
#include <vector>

#include "Phases.h"

struct cc_update_s {
    std::vector<cards::Work> works;
    std::vector<std::unique_ptr<float[]>> memory;
};

namespace {

using namespace cards;

const char *begin(const cc_job *jobs, int64_t count, int32_t, cc_update *update) {
    auto *made = new cc_update_s();
    int64_t chunks = 0;
    for (int64_t k = 0; k < count; ++k) {
        Work work;
        int64_t floats = cut(jobs[k], chunks, work);
        made->memory.push_back(std::make_unique<float[]>(static_cast<size_t>(floats + 1)));
        place(jobs[k], made->memory.back().get(), work);
        chunks += work.chunk_count;
        made->works.push_back(work);
    }
    *update = made;
    return nullptr;
}

template <typename Stored>
void survey_job(cc_job &job, const Work &work) {
    job.sums = ck_sums{0, 0, 0, 0};
    for (int64_t chunk = 0; chunk < work.chunk_count; ++chunk) {
        if (job.rule != CC_FACTORED) {
            survey_chunk<Stored>(job, chunk, 0, 1, job.sums);
            continue;
        }
        Tile tile = tile_of(job, work, chunk);
        survey_columns<Stored>(job, work, tile, 0, 1, job.sums);
        for (int64_t i = 0; i < tile.rows; ++i)
            work.row_partials[tile.column_block * job.rows + tile.row + i] = row_part<Stored>(job, tile, i, 0, 1);
    }
}

const char *survey(cc_update update, cc_job *jobs) {
    for (size_t k = 0; k < update->works.size(); ++k) {
        if (jobs[k].bfloat16) survey_job<uint16_t>(jobs[k], update->works[k]);
        else survey_job<float>(jobs[k], update->works[k]);
    }
    return nullptr;
}

void prepare(cc_job &job, const Work &work) {
    double total = 0;
    for (int64_t i = 0; i < job.rows; ++i) {
        job.row_sums[i] =
            factor_after(job, job.row_sums[i], work.row_partials, work.column_blocks, job.rows, i, job.columns);
        total += static_cast<double>(job.row_sums[i]);
    }
    for (int64_t i = 0; i < job.rows; ++i)
        work.row_partials[i] = factor_power(static_cast<double>(job.row_sums[i]), job.metric);
    for (int64_t j = 0; j < job.columns; ++j)
        job.column_sums[j] =
            factor_after(job, job.column_sums[j], work.column_partials, work.row_blocks, job.columns, j, job.rows);
    for (int64_t j = 0; j < job.columns; ++j)
        work.column_partials[j] =
            factor_power(total > 0 ? static_cast<double>(job.column_sums[j]) / total : 0, job.metric);
}

template <typename Stored>
void move_job(cc_job &job, const Work &work) {
    if (job.rule == CC_FACTORED) prepare(job, work);
    job.sums.step = job.sums.decay = job.sums.change = 0;
    if (is_measured(job))
        for (int64_t chunk = 0; chunk < work.chunk_count; ++chunk)
            measure_chunk<Stored>(job, work, chunk, 0, 1, job.sums);
    resolve(job);
    for (int64_t chunk = 0; chunk < work.chunk_count; ++chunk) move_chunk<Stored>(job, work, chunk, 0, 1, job.sums);
}

const char *move(cc_update update, cc_job *jobs) {
    for (size_t k = 0; k < update->works.size(); ++k) {
        if (jobs[k].bfloat16) move_job<uint16_t>(jobs[k], update->works[k]);
        else move_job<float>(jobs[k], update->works[k]);
    }
    return nullptr;
}

void end(cc_update update) { delete update; }

double copy_seconds(int32_t, int64_t) { return 0; }

}  // namespace

int64_t cc_layout(void) { return static_cast<int64_t>(sizeof(cc_job) * 1000 + sizeof(cc_table)); }

const cc_table *cc_host_table(void) {
    static const cc_table table = {cc_layout(), begin, survey, move, end, copy_seconds};
    return &table;
}
