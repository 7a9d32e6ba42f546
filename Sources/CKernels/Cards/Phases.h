// The phases of a fused step, for a card and, with one thread a block, for the machine's own memory.
//
// Bytes that a rule must move for an element of float32, a survey of the gradients first:
//   AdamW:      4 (survey: g) + 28 (move: reads p, g, m, v; writes p, m, v)                                = 32
//   FAdam:      4 + 8 (measure: reads g, f; with a natural decay p too, 12) + 28 (reads p, g, m, f; writes)  = 40 or 44
//   FAdafactor: 4 (survey: rows and columns too) + 4 or 8 (measure) + 20 (reads p, g, m; writes p, m)       = 28 or 32
// A step is bound by the card's memory: its time is to be that of as many bytes at 90 % of the bandwidth of a copy.
//
// A tensor is cut into chunks, one block each; the sums of chunks are added in their order, so that results are the same
// in every run. No atomic additions, no order that depends on the scheduler.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "CKernelsCards.h"

#ifdef __CUDACC__
#define CARD __host__ __device__ inline
#else
#define CARD inline
#endif

namespace cards {

// Elements of a chunk: of a matrix with factored information a tile of so many rows and columns.
constexpr int64_t chunk_size = 16384, tile_rows = 16, tile_columns = 1024;
constexpr float least_normal = 0x1p-126f, greatest = 0x1.fffffep127f;

/// What the phases keep of a tensor on the card besides the job.
struct Work {
    int64_t first_chunk, chunk_count, column_blocks, row_blocks;
    /// Sums of rows by column of tiles, then of columns by row of tiles; later the powers of the factors.
    float *row_partials, *column_partials;
};

// MARK: Elements

CARD float inverse_of(float d) { return d == 0 ? 0 : 1 / fmaxf(d, least_normal); }
CARD float quotient(float x, float inverse) { return fminf(fmaxf(x * inverse, -greatest), greatest); }
CARD float square_of(float x) { return fminf(x * x, greatest / 2); }

CARD float power_of(float f, const ck_metric &k) {
    if (k.power == CK_ROOT) return sqrtf(f);
    if (k.power == CK_WHOLE || f == 0) return f;
    return fmaxf(powf(f, k.rho), least_normal);
}

CARD float widened(float x) { return x; }
CARD float widened(uint16_t bits) {
    union { uint32_t bits; float value; } wide;
    wide.bits = static_cast<uint32_t>(bits) << 16;
    return wide.value;
}
CARD void narrow(float x, float &stored) { stored = x; }
CARD void narrow(float x, uint16_t &stored) {
    union { float value; uint32_t bits; } wide;
    wide.value = x;
    // To the nearest, ties to even; NaN stays NaN.
    stored = x != x ? 0x7fc0 : static_cast<uint16_t>((wide.bits + 0x7fff + ((wide.bits >> 16) & 1)) >> 16);
}

/// Adam and its relatives: the change of an element; m and v move.
CARD float adaptive_change(const ck_adaptive &k, float theta, float g, float &m, float &v, bool remembers) {
    float gradient = g * k.scale + theta * k.coupled;
    v = fminf(v * k.keep_v + square_of(gradient) * k.take_v, greatest / 2);
    float direction = gradient;
    if (remembers) {
        m = m * k.keep_m + gradient * k.take_m;
        direction = m * k.correct_m;
    }
    float inverse = inverse_of(sqrtf(v * k.correct_v + k.inside) + k.outside);
    return (quotient(direction, inverse) + theta * k.decay) * -k.rate;
}

/// f of FAdam after this step.
CARD float information_after(const ck_metric &k, float gradient, float f) {
    return f * k.keep_f + square_of(gradient) * k.take_f + k.add_f;
}

/// FAdam and its relatives: the change of an element for the inverse of its divisor; m moves.
CARD float metric_change(const ck_metric &k, float theta, float gradient, float inverse, float &m) {
    m = m * k.keep_m + quotient(gradient, inverse) * k.take_m;
    float step = m * k.of_momentum + theta * k.of_theta;
    if (k.of_decay != 0) step += quotient(theta, inverse) * k.of_decay;
    return -step;
}

CARD void add_square(double &sum, float x) { sum += static_cast<double>(x) * static_cast<double>(x); }

// MARK: Vectors of four elements

template <typename Stored>
struct alignas(4 * sizeof(Stored)) Four {
    Stored x[4];
};

template <typename Stored>
CARD bool is_aligned(const Stored *pointer) {
    return (reinterpret_cast<uintptr_t>(pointer) & (4 * sizeof(Stored) - 1)) == 0;
}

/// Whether a chunk that begins at a multiple of four can be read by fours.
template <typename Stored>
CARD bool reads_by_fours(const cc_job &job) {
    return is_aligned(static_cast<const Stored *>(job.parameter)) && is_aligned(static_cast<const Stored *>(job.gradient)) &&
           is_aligned(job.momentum) && is_aligned(job.square);
}

/// Calls body(first, width) for all elements in [begin, end) that fall to this thread.
template <typename Body>
CARD void for_each(int64_t begin, int64_t end, bool fours, int thread, int threads, Body body) {
    int64_t wide_end = fours ? begin + (end - begin) / 4 * 4 : begin;
    for (int64_t i = begin + 4 * thread; i < wide_end; i += 4 * static_cast<int64_t>(threads)) body(i, true);
    for (int64_t i = wide_end + thread; i < end; i += threads) body(i, false);
}

template <typename Stored>
CARD Four<Stored> read(const Stored *from, int64_t i, bool wide) {
    if (wide) return *reinterpret_cast<const Four<Stored> *>(from + i);
    Four<Stored> four = {};
    four.x[0] = from[i];
    return four;
}

template <typename Stored>
CARD void write(Stored *to, int64_t i, bool wide, const Four<Stored> &four) {
    if (wide) *reinterpret_cast<Four<Stored> *>(to + i) = four;
    else to[i] = four.x[0];
}

// MARK: Phases of chunks: this thread's part of the sums

template <typename Stored>
CARD void survey_chunk(const cc_job &job, int64_t chunk, int thread, int threads, ck_sums &sums) {
    auto g = static_cast<const Stored *>(job.gradient);
    int64_t begin = chunk * chunk_size, end = begin + chunk_size < job.count ? begin + chunk_size : job.count;
    for_each(begin, end, is_aligned(g), thread, threads, [&](int64_t i, bool wide) {
        auto four = read(g, i, wide);
        for (int lane = 0; lane < (wide ? 4 : 1); ++lane) add_square(sums.gradient, widened(four.x[lane]));
    });
}

struct Tile {
    int64_t row, column, rows, columns, row_block, column_block;
};

CARD Tile tile_of(const cc_job &job, const Work &work, int64_t chunk) {
    Tile tile;
    tile.row_block = chunk / work.column_blocks;
    tile.column_block = chunk % work.column_blocks;
    tile.row = tile.row_block * tile_rows;
    tile.column = tile.column_block * tile_columns;
    tile.rows = job.rows - tile.row < tile_rows ? job.rows - tile.row : tile_rows;
    tile.columns = job.columns - tile.column < tile_columns ? job.columns - tile.column : tile_columns;
    return tile;
}

/// The square of an element in the sums of rows and columns, which stay finite.
CARD float bounded_square(float g, int64_t count) {
    return fminf(g * g, greatest / 2 / static_cast<float>(count > 0 ? count : 1));
}

/// Columns of a tile fall to the threads one by one: each adds its own up.
template <typename Stored>
CARD void survey_columns(
    const cc_job &job, const Work &work, const Tile &tile, int thread, int threads, ck_sums &sums) {
    auto g = static_cast<const Stored *>(job.gradient);
    for (int64_t j = thread; j < tile.columns; j += threads) {
        float column = 0;
        for (int64_t i = 0; i < tile.rows; ++i) {
            float x = widened(g[(tile.row + i) * job.columns + tile.column + j]);
            column += bounded_square(x, job.count);
            add_square(sums.gradient, x);
        }
        work.column_partials[tile.row_block * job.columns + tile.column + j] = column;
    }
}

/// This thread's part of the sum of a row of a tile, which the columns have brought into the cache.
template <typename Stored>
CARD float row_part(const cc_job &job, const Tile &tile, int64_t i, int thread, int threads) {
    auto g = static_cast<const Stored *>(job.gradient) + (tile.row + i) * job.columns + tile.column;
    float sum = 0;
    for (int64_t j = thread; j < tile.columns; j += threads) sum += bounded_square(widened(g[j]), job.count);
    return sum;
}

template <typename Stored>
CARD void measure_chunk(
    const cc_job &job, const Work &work, int64_t chunk, int thread, int threads, ck_sums &sums) {
    const ck_metric &k = job.metric;
    auto p = static_cast<const Stored *>(job.parameter);
    auto g = static_cast<const Stored *>(job.gradient);
    bool decays = k.of_decay != 0;
    if (job.rule == CC_METRIC) {
        int64_t begin = chunk * chunk_size, end = begin + chunk_size < job.count ? begin + chunk_size : job.count;
        for_each(begin, end, reads_by_fours<Stored>(job), thread, threads, [&](int64_t i, bool wide) {
            auto gs = read(g, i, wide);
            auto fs = read(job.square, i, wide);
            Four<Stored> ps = {};
            if (decays) ps = read(p, i, wide);
            for (int lane = 0; lane < (wide ? 4 : 1); ++lane) {
                float gradient = widened(gs.x[lane]) * k.scale;
                float inverse = inverse_of(power_of(information_after(k, gradient, fs.x[lane]), k) + k.epsilon);
                add_square(sums.step, quotient(gradient, inverse));
                if (decays) add_square(sums.decay, quotient(widened(ps.x[lane]), inverse));
            }
        });
        return;
    }
    Tile tile = tile_of(job, work, chunk);
    for (int64_t i = 0; i < tile.rows; ++i) {
        float row_power = work.row_partials[tile.row + i];
        int64_t start = (tile.row + i) * job.columns + tile.column;
        for (int64_t j = thread; j < tile.columns; j += threads) {
            float gradient = widened(g[start + j]) * k.scale;
            float inverse = inverse_of(work.column_partials[tile.column + j] * row_power + k.epsilon);
            add_square(sums.step, quotient(gradient, inverse));
            if (decays) add_square(sums.decay, quotient(widened(p[start + j]), inverse));
        }
    }
}

template <typename Stored>
CARD void move_chunk(
    const cc_job &job, const Work &work, int64_t chunk, int thread, int threads, ck_sums &sums) {
    auto p = static_cast<Stored *>(job.parameter);
    auto g = static_cast<const Stored *>(job.gradient);
    float *m = job.momentum, *v = job.square;
    if (job.rule == CC_FACTORED) {
        const ck_metric &k = job.metric;
        Tile tile = tile_of(job, work, chunk);
        for (int64_t i = 0; i < tile.rows; ++i) {
            float row_power = work.row_partials[tile.row + i];
            int64_t start = (tile.row + i) * job.columns + tile.column;
            for (int64_t j = thread; j < tile.columns; j += threads) {
                float theta = widened(p[start + j]), gradient = widened(g[start + j]) * k.scale;
                float inverse = inverse_of(work.column_partials[tile.column + j] * row_power + k.epsilon);
                float change = metric_change(k, theta, gradient, inverse, m[start + j]);
                add_square(sums.change, change);
                narrow(theta + change, p[start + j]);
            }
        }
        return;
    }
    bool remembers = m != nullptr;
    int64_t begin = chunk * chunk_size, end = begin + chunk_size < job.count ? begin + chunk_size : job.count;
    for_each(begin, end, reads_by_fours<Stored>(job), thread, threads, [&](int64_t i, bool wide) {
        auto ps = read(p, i, wide);
        auto gs = read(g, i, wide);
        auto vs = read(v, i, wide);
        Four<float> ms = {};
        if (remembers) ms = read(m, i, wide);
        for (int lane = 0; lane < (wide ? 4 : 1); ++lane) {
            float theta = widened(ps.x[lane]), change;
            if (job.rule == CC_ADAPTIVE) {
                change = adaptive_change(
                    job.adaptive, theta, widened(gs.x[lane]), ms.x[lane], vs.x[lane], remembers);
            } else {
                const ck_metric &k = job.metric;
                float gradient = widened(gs.x[lane]) * k.scale;
                vs.x[lane] = information_after(k, gradient, vs.x[lane]);
                float inverse = inverse_of(power_of(vs.x[lane], k) + k.epsilon);
                change = metric_change(k, theta, gradient, inverse, ms.x[lane]);
            }
            add_square(sums.change, change);
            narrow(theta + change, ps.x[lane]);
        }
        write(p, i, wide, ps);
        write(v, i, wide, vs);
        if (remembers) write(m, i, wide, ms);
    });
}

// MARK: Phases of tensors

/// Row or column number `i` after this step.
CARD float factor_after(
    const cc_job &job, float former, const float *partials, int64_t blocks, int64_t length, int64_t i, int64_t others) {
    double scale = static_cast<double>(job.metric.scale), squares = 0, bound = static_cast<double>(greatest / 2);
    for (int64_t block = 0; block < blocks; ++block) squares += static_cast<double>(partials[block * length + i]);
    double square = fmin(squares * scale * scale, bound) + job.inside * static_cast<double>(others);
    return static_cast<float>(fmin(
        static_cast<double>(job.metric.keep_f) * static_cast<double>(former) +
            static_cast<double>(job.metric.take_f) * square + job.outside * static_cast<double>(others),
        bound));
}

/// The power of one number, in double.
CARD float factor_power(double f, const ck_metric &k) {
    if (k.power == CK_ROOT) return static_cast<float>(sqrt(f));
    if (k.power == CK_WHOLE) return static_cast<float>(f);
    return static_cast<float>(pow(f, static_cast<double>(k.rho)));
}

/// Divides by the length and the clip factors, once the sums are known.
CARD void resolve(cc_job &job) {
    if (job.rule == CC_ADAPTIVE || job.count == 0 || (!job.clips && !job.has_unit_length)) return;
    double count = static_cast<double>(job.count), size = sqrt(job.sums.step / count);
    double length = job.has_unit_length ? fmax(size, static_cast<double>(least_normal)) : 1;
    double take = static_cast<double>(job.metric.take_m) / length;
    if (job.clips) {
        double factor = fmax(1.0, size / length / job.clip);
        double decay_factor = fmax(1.0, sqrt(job.sums.decay / count) / job.clip);
        job.clip_factor = factor;
        take /= factor;
        job.metric.of_decay = static_cast<float>(static_cast<double>(job.metric.of_decay) / decay_factor);
    }
    job.metric.take_m = static_cast<float>(take);
}

CARD bool is_measured(const cc_job &job) {
    return job.rule != CC_ADAPTIVE && (job.clips || job.has_unit_length);
}

CARD int64_t blocks_of(int64_t length, int64_t size) { return (length + size - 1) / size; }

/// Sets how a job is cut, without its memory; returns the floats that it needs.
inline int64_t cut(const cc_job &job, int64_t first_chunk, Work &work) {
    work = Work{first_chunk, blocks_of(job.count, chunk_size), 0, 0, nullptr, nullptr};
    if (job.rule != CC_FACTORED) return 0;
    work.column_blocks = blocks_of(job.columns, tile_columns);
    work.row_blocks = blocks_of(job.rows, tile_rows);
    work.chunk_count = work.column_blocks * work.row_blocks;
    int64_t row_floats = (work.column_blocks > 0 ? work.column_blocks : 1) * job.rows;
    int64_t column_floats = (work.row_blocks > 0 ? work.row_blocks : 1) * job.columns;
    return row_floats + column_floats;
}

/// Gives a job its memory of that many floats.
inline void place(const cc_job &job, float *memory, Work &work) {
    work.row_partials = memory;
    work.column_partials = memory + (work.column_blocks > 0 ? work.column_blocks : 1) * job.rows;
}

}  // namespace cards
