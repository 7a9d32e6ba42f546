// Attention of one head, softmax(scale Q K^T) V, and its slopes, without the whole matrix of weights.
//
// A block of queries meets all the keys that its last query sees. Its scores, their powers of two and the sums that the result
// needs lie in a buffer that stays in the caches; the backward pass makes the weights again from the logarithms of their sums
// (Dao et al. 2022, arXiv 2205.14135, Algorithms 2 and 4, with keys in one block). Keys and values are copied into panels of LANES
// columns, padded with zeros, so that all products are numbers times vectors that lie one after another.

#include <math.h>

#define QUERIES CK_ATTENTION_QUERIES
#define LOG2_OF_E (1.442695041f)
#define LOG_OF_2 (0.6931471806f)
#define WHOLE_LANES(n) (((n) + LANES - 1) / LANES * LANES)

// One panel's columns of c (+)= scale a b for some rows of a; `a_row` and `a_term` are the distances of a's numbers.
#define PRODUCT_TILE(name, ROWS)                                                                         \
    INLINE void name(                                                                                    \
        const float *a, int64_t a_row, int64_t a_term, const float *panel, int64_t depth, float scale,   \
        bool adds, float *c, int64_t c_row) {                                                            \
        Floats sums[ROWS];                                                                               \
        for (int i = 0; i < ROWS; ++i) sums[i] = 0.0f;                                                   \
        for (int64_t k = 0; k < depth; ++k) {                                                            \
            Floats x = LOAD(panel + k * LANES);                                                          \
            for (int i = 0; i < ROWS; ++i) sums[i] += a[i * a_row + k * a_term] * x;                     \
        }                                                                                                \
        for (int i = 0; i < ROWS; ++i) {                                                                 \
            Floats sum = sums[i] * scale;                                                                \
            STORE(c + i * c_row, adds ? LOAD(c + i * c_row) + sum : sum);                                \
        }                                                                                                \
    }
PRODUCT_TILE(product_tile, TILE_ROWS)
PRODUCT_TILE(product_row, 1)

// c (+)= scale a b for panels of b that are `panel_size` numbers apart.
static void product(
    const float *a, int64_t a_row, int64_t a_term, const float *b, int64_t panel_size, int64_t depth, float scale,
    bool adds, float *c, int64_t c_row, int64_t rows, int64_t columns) {
    for (int64_t j = 0; j < columns; j += LANES, b += panel_size) {
        int64_t i = 0;
        for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
            product_tile(a + i * a_row, a_row, a_term, b, depth, scale, adds, c + i * c_row + j, c_row);
        for (; i < rows; ++i)
            product_row(a + i * a_row, a_row, a_term, b, depth, scale, adds, c + i * c_row + j, c_row);
    }
}

// Asks for a row that is copied a little later: rows lie too far apart for the processor to do it by itself.
#define ROWS_AHEAD 16
INLINE void fetch_row(const float *from, int64_t width) {
    for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(from + j);
}

// Panels of a matrix's columns, `panel_rows` rows long.
static void columns_in_panels(
    const float *from, int64_t row, int64_t rows, int64_t width, float *to, int64_t panel_rows) {
    for (int64_t j = 0; j < width; j += LANES) {
        int64_t columns = width - j < LANES ? width - j : LANES;
        float *panel = to + j * panel_rows;
        for (int64_t i = 0; i < rows; ++i) {
            fetch_row(from + (i + ROWS_AHEAD) * row + j, columns);
            memcpy(panel + i * LANES, from + i * row + j, (size_t)columns * sizeof(float));
            for (int64_t lane = columns; lane < LANES; ++lane) panel[i * LANES + lane] = 0.0f;
        }
    }
}

typedef float Four __attribute__((ext_vector_type(4), aligned(4)));

// The transpose of four rows of four numbers.
INLINE void transpose_four(const float *from, int64_t row, float *to, int64_t to_row) {
    Four a = *(const Four *)from, b = *(const Four *)(from + row);
    Four c = *(const Four *)(from + 2 * row), d = *(const Four *)(from + 3 * row);
    Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_next = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_next = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(Four *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(Four *)(to + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(Four *)(to + 2 * to_row) = __builtin_shufflevector(ab_next, cd_next, 0, 1, 4, 5);
    *(Four *)(to + 3 * to_row) = __builtin_shufflevector(ab_next, cd_next, 2, 3, 6, 7);
}

// Panels of a matrix's rows: those of its transpose.
static void rows_in_panels(const float *from, int64_t row, int64_t rows, int64_t width, float *to) {
    for (int64_t i = 0; i < rows; i += LANES, to += width * LANES) {
        int64_t count = rows - i < LANES ? rows - i : LANES, lane = 0;
        if (count < LANES) memset(to, 0, (size_t)(width * LANES) * sizeof(float));
        for (; lane + 4 <= count; lane += 4) {
            const float *four = from + (i + lane) * row;
            int64_t j = 0;
            for (int64_t k = 0; k < 4; ++k) fetch_row(four + (k + ROWS_AHEAD) * row, width);
            for (; j + 4 <= width; j += 4) transpose_four(four + j, row, to + j * LANES + lane, LANES);
            for (; j < width; ++j)
                for (int64_t k = 0; k < 4; ++k) to[j * LANES + lane + k] = four[k * row + j];
        }
        for (; lane < count; ++lane)
            for (int64_t j = 0; j < width; ++j) to[j * LANES + lane] = from[(i + lane) * row + j];
    }
}

static void copy_rows(const float *from, int64_t from_row, int64_t rows, int64_t width, float *to, int64_t to_row) {
    for (int64_t i = 0; i < rows; ++i) memcpy(to + i * to_row, from + i * from_row, (size_t)width * sizeof(float));
}

INLINE float sum_of_lanes(const Floats *lanes) {
    float sum = 0;
    for (int k = 0; k < LANES; ++k) sum += (*lanes)[k];
    return sum;
}

// The powers of two of scores less `shift`, exactly zero for a score of -infinity; a NaN stays one.
#define WEIGHTS(scores, shift)                                                           \
    ({                                                                                   \
        Floats score = LOAD(scores), less = score - (shift);                             \
        Floats within = less < -125.0f ? (Floats)(-125.0f) : less;                       \
        Floats shifted = within + ROUNDER;                                               \
        Floats x = within - (shifted - ROUNDER);                                         \
        Floats weight = (Floats)((Integers)EXPONENTIAL(x) + ((Integers)shifted << 23));  \
        weight = less == less ? weight : less;                                           \
        score == -INFINITY ? (Floats)0.0f : weight;                                      \
    })

typedef struct attention_block {
    int64_t first, rows, keys, columns;
} attention_block;

// The queries from `first` on, and the keys that the last of them sees.
INLINE attention_block block_of(const ck_attention *job, int64_t first) {
    attention_block block = {.first = first, .rows = job->queries - first, .keys = job->keys};
    if (block.rows > QUERIES) block.rows = QUERIES;
    if (job->causal && first + block.rows < job->keys) block.keys = first + block.rows;
    block.columns = WHOLE_LANES(block.keys);
    return block;
}

// Takes what query `i` of a block does not see out of its scores.
INLINE void hide(const ck_attention *job, const attention_block *block, int64_t i, float *scores) {
    int64_t seen = job->causal && block->first + i + 1 < job->keys ? block->first + i + 1 : job->keys;
    for (int64_t j = seen; j < block->columns; ++j) scores[j] = -INFINITY;
}

static void attend(
    const ck_attention *job, float *output, int64_t output_row, float *logarithms, int64_t logarithm_row,
    float *scratch) {
    int64_t width = WHOLE_LANES(job->width), columns = WHOLE_LANES(job->keys), score_row = columns + LANES;
    float *keys = scratch, *values = keys + columns * job->width, *scores = values + job->keys * width;
    float *sums = scores + QUERIES * score_row;
    rows_in_panels(job->key, job->key_row, job->keys, job->width, keys);
    columns_in_panels(job->value, job->value_row, job->keys, job->width, values, job->keys);
    for (int64_t first = 0; first < job->queries; first += QUERIES) {
        attention_block block = block_of(job, first);
        product(
            job->query + first * job->query_row, job->query_row, 1, keys, job->width * LANES, job->width,
            job->scale * LOG2_OF_E, false, scores, score_row, block.rows, block.columns);
        for (int64_t i = 0; i < block.rows; ++i) {
            float *row = scores + i * score_row;
            hide(job, &block, i, row);
            Floats most = LOAD(row), sum = 0.0f;
            for (int64_t j = LANES; j < block.columns; j += LANES) {
                Floats score = LOAD(row + j);
                most = score > most ? score : most;
            }
            float greatest = most[0], total = 0;
            for (int k = 1; k < LANES; ++k) greatest = most[k] > greatest ? most[k] : greatest;
            for (int64_t j = 0; j < block.columns; j += LANES) {
                Floats weight = WEIGHTS(row + j, greatest);
                sum += weight;
                STORE(row + j, weight);
            }
            total = sum_of_lanes(&sum);
            logarithms[(first + i) * logarithm_row] = LOG_OF_2 * greatest + logf(total);
            Floats inverse = 1.0f / total;
            for (int64_t j = 0; j < block.columns; j += LANES) STORE(row + j, LOAD(row + j) * inverse);
        }
        product(
            scores, score_row, 1, values, job->keys * LANES, block.keys, 1, false, sums, width, block.rows, width);
        copy_rows(sums, width, block.rows, job->width, output + first * output_row, output_row);
    }
}

// With weights P, slopes G of the output and E = G V^T, the slope in the scores is P (E - the sum of P E over the keys).
static void attend_slopes(
    const ck_attention *job, const ck_attention_slopes *slopes, const float *logarithms, int64_t logarithm_row,
    float *scratch) {
    int64_t width = WHOLE_LANES(job->width), columns = WHOLE_LANES(job->keys), score_row = columns + LANES;
    float *keys_by_row = scratch, *values_by_row = keys_by_row + columns * job->width;
    float *keys = values_by_row + columns * job->width, *key_slopes = keys + job->keys * width;
    float *value_slopes = key_slopes + job->keys * width, *weights = value_slopes + job->keys * width;
    float *score_slopes = weights + QUERIES * score_row, *queries = score_slopes + QUERIES * score_row;
    float *output_slopes = queries + QUERIES * width, *query_slopes = output_slopes + QUERIES * width;
    rows_in_panels(job->key, job->key_row, job->keys, job->width, keys_by_row);
    rows_in_panels(job->value, job->value_row, job->keys, job->width, values_by_row);
    columns_in_panels(job->key, job->key_row, job->keys, job->width, keys, job->keys);
    memset(key_slopes, 0, (size_t)(2 * job->keys * width) * sizeof(float));
    for (int64_t first = 0; first < job->queries; first += QUERIES) {
        attention_block block = block_of(job, first);
        const float *query = job->query + first * job->query_row;
        const float *slope = slopes->output + first * slopes->output_row;
        columns_in_panels(query, job->query_row, block.rows, job->width, queries, QUERIES);
        columns_in_panels(slope, slopes->output_row, block.rows, job->width, output_slopes, QUERIES);
        product(
            query, job->query_row, 1, keys_by_row, job->width * LANES, job->width, job->scale * LOG2_OF_E, false,
            weights, score_row, block.rows, block.columns);
        product(
            slope, slopes->output_row, 1, values_by_row, job->width * LANES, job->width, 1, false, score_slopes,
            score_row, block.rows, block.columns);
        for (int64_t i = 0; i < block.rows; ++i) {
            float *row = weights + i * score_row, *row_slopes = score_slopes + i * score_row;
            hide(job, &block, i, row);
            float logarithm = LOG2_OF_E * logarithms[(first + i) * logarithm_row];
            Floats sum = 0.0f;
            for (int64_t j = 0; j < block.columns; j += LANES) {
                Floats weight = WEIGHTS(row + j, logarithm);
                sum += weight * LOAD(row_slopes + j);
                STORE(row + j, weight);
            }
            float mean = sum_of_lanes(&sum);
            for (int64_t j = 0; j < block.columns; j += LANES)
                STORE(row_slopes + j, LOAD(row + j) * (LOAD(row_slopes + j) - mean));
        }
        product(
            score_slopes, score_row, 1, keys, job->keys * LANES, block.keys, job->scale, false, query_slopes, width,
            block.rows, width);
        copy_rows(
            query_slopes, width, block.rows, job->width, slopes->query + first * slopes->query_row,
            slopes->query_row);
        product(
            score_slopes, 1, score_row, queries, QUERIES * LANES, block.rows, job->scale, true, key_slopes, width,
            block.keys, width);
        product(
            weights, 1, score_row, output_slopes, QUERIES * LANES, block.rows, 1, true, value_slopes, width,
            block.keys, width);
    }
    copy_rows(key_slopes, width, job->keys, job->width, slopes->key, slopes->key_row);
    copy_rows(value_slopes, width, job->keys, job->width, slopes->value, slopes->value_row);
}

static const ck_attention_table attention_table = {.attend = attend, .slopes = attend_slopes};
