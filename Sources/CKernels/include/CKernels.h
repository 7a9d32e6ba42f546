// The inner loops of the optimizers' fused steps: pure functions over memory that the caller owns.
//
// Nothing here allocates memory, starts threads or sets policy. A table holds the loops for one instruction
// set and one type of parameters; all tables compute the same formulas, and differ by rounding only.
// Sums of squares are taken in double, so that no gradient and no epsilon overflows them.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// In all rules a quotient is zero where its divisor is exactly zero, divisors are floored at the smallest
/// normal number and quotients kept finite, if `guarded` is set; without it divisors must be normal.

/// Sums of squares that a loop adds to.
typedef struct ck_sums {
    double gradient;  // of g, after scaling
    double step;      // of n = g / d
    double decay;     // of w = theta / d
    double change;    // of what was added to theta
} ck_sums;

/// SGD: d = g + coupled theta; m = mu m + d; theta -= rate (of_gradient d + of_momentum m).
typedef struct ck_plain {
    float scale;  // of the gradient as it lies in memory
    float coupled;
    float mu;
    float rate, of_gradient, of_momentum;
} ck_plain;

/// Adam, AdamW, RMSProp, Adagrad: g += coupled theta; m = keep_m m + take_m g; v = keep_v v + take_v g^2;
/// theta -= rate (correct_m m / (sqrt(correct_v v + inside) + outside) + decay theta), with g for m where
/// the rule has no momentum.
typedef struct ck_adaptive {
    float scale;
    float coupled;
    float keep_m, take_m, correct_m;
    float keep_v, take_v, correct_v;
    float inside, outside;
    float rate, decay;
    bool guarded;
} ck_adaptive;

/// The power of f that divides, with loops of its own for each.
typedef enum ck_power { CK_ROOT = 0, CK_WHOLE = 1, CK_ANY_POWER = 2 } ck_power;

/// FAdam, FAdafactor, Adafactor: f = keep_f f + take_f g^2 + add_f; d = f^rho + epsilon; n = g / d;
/// m = keep_m m + take_m n; w = theta / d; theta -= of_momentum m + of_theta theta + of_decay w.
/// rho is 1/2 for CK_ROOT, 1 for CK_WHOLE, and otherwise `rho`, which lies between 0 and 1 and is also given as the sum
/// of `rho_high`, whose last 12 bits are 0, and `rho_low`. Without guards a subnormal f then counts as a power that
/// must not matter beside `epsilon`.
/// The factored loops take f^rho as a product of a row's and a column's power.
typedef struct ck_metric {
    float scale;
    float keep_f, take_f, add_f;
    ck_power power;
    float rho, rho_high, rho_low;
    float epsilon;
    float keep_m, take_m;
    float of_momentum, of_theta, of_decay;
    bool guarded;
} ck_metric;

/// AdaFisher: g += coupled theta; m = keep_m m + take_m g; theta -= rate (correct_m m / d + decay theta), with
/// d = row column + damping, or its root where `rooted`. Always guarded.
typedef struct ck_divided {
    float scale;
    float coupled;
    float keep_m, take_m, correct_m;
    float damping;
    float rate, decay;
    bool rooted;
} ck_divided;

/// A rectangle of a matrix: its rows lie `stride` elements apart.
typedef struct ck_tile {
    int64_t rows, columns, stride;
} ck_tile;

/// The loops for one instruction set and one type of parameters and gradients; states are float32.
///
/// No pointer needs more alignment than its element. The sums are added to, and may not be NULL.
typedef struct ck_table {
    /// sums.gradient only, of the gradient as it lies in memory.
    void (*square_sum)(const void *g, int64_t count, ck_sums *sums);
    /// `m` is NULL if there is no momentum.
    void (*plain)(const ck_plain *k, void *p, const void *g, float *m, int64_t count, ck_sums *sums);
    /// `m` is NULL if there is no momentum.
    void (*adaptive)(
        const ck_adaptive *k, void *p, const void *g, float *m, float *v, int64_t count, ck_sums *sums);
    /// sums.gradient and sums.step, and sums.decay where of_decay is not 0. Writes nothing but 1 / d to `inverses`,
    /// where they are not NULL.
    void (*metric_survey)(
        const ck_metric *k, const void *p, const void *g, const float *f, float *inverses, int64_t count,
        ck_sums *sums);
    /// Moves p, m and f; sums.change. Takes 1 / d from `inverses`, where they are not NULL.
    void (*metric_apply)(
        const ck_metric *k, void *p, const void *g, float *m, float *f, const float *inverses, int64_t count,
        ck_sums *sums);
    /// Adds a tile's squares, each at most `bound`, to `row_sums` and `column_sums`; sums.gradient. All of the
    /// gradient as it lies in memory.
    void (*factor_sums)(
        float bound, ck_tile tile, const void *g, float *row_sums, float *column_sums, ck_sums *sums);
    /// As metric_survey, but sums.gradient.
    void (*factored_survey)(
        const ck_metric *k, ck_tile tile, const void *p, const void *g, const float *row_powers,
        const float *column_powers, ck_sums *sums);
    /// As metric_apply, without f.
    void (*factored_apply)(
        const ck_metric *k, ck_tile tile, void *p, const void *g, float *m, const float *row_powers,
        const float *column_powers, ck_sums *sums);
    /// Moves p and m; sums.change.
    void (*divided)(
        const ck_divided *k, ck_tile tile, void *p, const void *g, float *m, const float *rows,
        const float *columns, ck_sums *sums);
} ck_table;

/// The terms of a sum of outer products that are squared before they are summed.
typedef enum ck_squared { CK_EACH_TERM = 1, CK_EACH_GROUP = 2 } ck_squared;

/// The rows and the bytes of a row of the block that a call of `outer` makes.
#define CK_OUTER_ROWS 96
#define CK_OUTER_PANEL_BYTES 256

/// sum over terms of s a^T, [rows, columns], with s [terms, rows] and a [terms, columns] without gaps; and the
/// sum of the squares of the terms, or of the groups of `depth` terms each.
typedef struct ck_outer {
    const void *s, *a;
    int64_t terms, depth, rows, columns;
    /// Rows of the results lie `stride` apart.
    void *sum, *squares;
    int64_t stride;
    ck_squared squared;
} ck_outer;

/// kept added + scale x^T y, [rows, columns], with x [terms, rows] and y [terms, columns].
typedef struct ck_product {
    const void *x, *y;
    /// The distances of numbers in a column and in a row of x and of y.
    int64_t x_row, x_column, y_row, y_column;
    int64_t terms, rows, columns;
    double scale, kept;
    /// Rows of both lie `stride` apart; `added` may be the result, or NULL.
    const void *added;
    void *result;
    int64_t stride;
    /// Whether the result and `added` are symmetric: then half of it is made, of what `added` has on and above the diagonal.
    bool symmetric;
    /// Room for the numbers of x and y, with rows and columns rounded up to whole groups and panels.
    void *packed;
} ck_product;

/// Products for one instruction set and one type of numbers.
typedef struct ck_product_table {
    /// Copies a part of the factors: first the groups of `rows` rows of the result, then the panels of `columns` columns.
    void (*pack)(const ck_product *job, int64_t part);
    /// Makes a panel of the result once all parts are copied.
    void (*product)(const ck_product *job, int64_t panel);
    int64_t rows, columns;
} ck_product_table;

/// Elementwise passes for one instruction set and one type of numbers; a result may be written over what is read.
typedef struct ck_combined_table {
    /// result = take x + keep y.
    void (*combine)(const void *x, double take, const void *y, double keep, void *result, int64_t count);
    /// result = x / (d + damping): zero where the divisor is exactly zero; divisors are floored at the smallest normal
    /// number, and quotients kept finite.
    void (*divide)(const void *x, const void *d, double damping, void *result, int64_t count);
} ck_combined_table;

/// sum over terms of s, or of s x, by column, with s and x [terms, columns], and the sum of the squares of the
/// groups of `depth` terms each; x and squares may be NULL. `adds` to what is there.
typedef struct ck_columns {
    const void *s, *x;
    int64_t terms, depth, columns;
    void *sum, *squares;
    bool adds;
} ck_columns;

/// Adds the rows s [units, positions, width] to the entries that `numbers` [units, positions] name, summed by
/// unit first, and their squares; sum and squares are [entries, width].
typedef struct ck_lookups {
    const int64_t *numbers;
    const void *s;
    int64_t units, positions, entries, width;
    void *sum, *squares;
} ck_lookups;

/// The sums for estimates of the information, for one instruction set and one type of numbers.
typedef struct ck_outer_table {
    /// Makes the block whose first element is [row, column]; scratch has `ck_outer_scratch` bytes.
    void (*outer)(const ck_outer *job, int64_t row, int64_t column, void *scratch);
    /// Makes some columns.
    void (*columns)(const ck_columns *job, int64_t begin, int64_t end);
    /// Makes some columns; scratch has `ck_lookups_scratch` bytes.
    void (*lookups)(const ck_lookups *job, int64_t begin, int64_t end, void *scratch);
} ck_outer_table;

/// The logits of an utterance for every frame and every number of labels before, [all_frames, positions, classes], of
/// which `frames` and `labels + 1` are its own; both are 1 or more. Class 0 is the blank.
typedef struct ck_lattice {
    const void *logits;
    int64_t frames, labels, all_frames, positions, classes;
    /// The labels, from 1 to classes - 1.
    const int64_t *symbols;
    /// log sum e^logit of each of its own nodes, [all_frames, positions]: `loss` writes it, `gradient` reads it.
    double *normalizers;
} ck_lattice;

/// The transducer's loss of one utterance, for one instruction set and one type of numbers. Scratch has
/// `ck_lattice_scratch` numbers.
typedef struct ck_lattice_table {
    /// -log p of the labels.
    double (*loss)(const ck_lattice *lattice, double *scratch);
    /// The gradient of that in all logits, times a weight; it may be written over them.
    void (*gradient)(const ck_lattice *lattice, double weight, void *gradient, double *scratch);
} ck_lattice_table;

/// Activations for one instruction set, of float32 or of bfloat16 numbers; the output may be the input or the slope.
typedef struct ck_activation_table {
    /// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    void (*gelu)(const void *input, void *output, int64_t count);
    /// The slope of a loss in the inputs, from that in the outputs.
    void (*gelu_slope)(const void *input, const void *slope, void *output, int64_t count);
} ck_activation_table;

/// Attention of one head, softmax(scale Q K^T) V, of float32 numbers.
typedef struct ck_attention {
    /// Rows of `width` numbers one after another, and the distances of the rows.
    const float *query, *key, *value;
    int64_t query_row, key_row, value_row;
    /// The numbers of rows: of queries, and of keys and values.
    int64_t queries, keys;
    int64_t width;
    float scale;
    /// Whether query i sees the keys up to i alone.
    bool causal;
} ck_attention;

/// The slope of a loss in an attention's output, and where those in its inputs go.
typedef struct ck_attention_slopes {
    const float *output;
    float *query, *key, *value;
    int64_t output_row, query_row, key_row, value_row;
} ck_attention_slopes;

/// Attention for one instruction set. Scratch has `ck_attention_scratch` numbers.
typedef struct ck_attention_table {
    /// The output, and the natural logarithms of the sums of each query's weights.
    void (*attend)(
        const ck_attention *job, float *output, int64_t output_row, float *logarithms, int64_t logarithm_row,
        float *scratch);
    /// The slopes in queries, keys and values.
    void (*slopes)(
        const ck_attention *job, const ck_attention_slopes *slopes, const float *logarithms, int64_t logarithm_row,
        float *scratch);
} ck_attention_table;

/// The queries that are attended together.
#define CK_ATTENTION_QUERIES 32

/// In ascending order of speed, from the one that every processor has.
typedef enum ck_instruction_set { CK_BASELINE = 0, CK_HASWELL = 1, CK_AVX512 = 2 } ck_instruction_set;

/// Whether this processor, and this build, has an instruction set.
bool ck_supports(ck_instruction_set set);
/// The table of a supported instruction set; of bfloat16 parameters and gradients, or of float32 ones.
const ck_table *ck_table_for(ck_instruction_set set, bool bfloat16);
/// The activations of a supported instruction set, of bfloat16 numbers or of float32 ones.
const ck_activation_table *ck_activations_for(ck_instruction_set set, bool bfloat16);
/// Attention of a supported instruction set.
const ck_attention_table *ck_attention_for(ck_instruction_set set);
/// The sums of a supported instruction set; of double numbers, or of float ones.
const ck_outer_table *ck_outer_table_for(ck_instruction_set set, bool float64);
/// The products of a supported instruction set; of double numbers, or of float ones.
const ck_product_table *ck_product_table_for(ck_instruction_set set, bool float64);
/// The elementwise passes of a supported instruction set; of double numbers, or of float ones.
const ck_combined_table *ck_combined_table_for(ck_instruction_set set, bool float64);
/// The lattice of a supported instruction set; of double numbers, or of float ones.
const ck_lattice_table *ck_lattice_table_for(ck_instruction_set set, bool float64);
/// The numbers that a call of `loss` or `gradient` works in.
int64_t ck_lattice_scratch(const ck_lattice *lattice);
/// The numbers that a call of `attend` or `slopes` works in.
int64_t ck_attention_scratch(const ck_attention *job);
/// The bytes that a call of `outer`, and one of `lookups` for some columns, work in.
int64_t ck_outer_scratch(const ck_outer *job, bool float64);
int64_t ck_lookups_scratch(const ck_lookups *job, int64_t columns, bool float64);
/// Numbers of a stream from `first` on, uniform within (0, 1): each a function of the stream and of its place alone.
void ck_uniforms(uint64_t stream, uint64_t first, int64_t count, double *out);
/// The stream of a unit in one draw of those that a key stands for.
uint64_t ck_stream(uint64_t key, uint64_t draw, uint64_t unit);
/// Hints to the processor that a thread is waiting for another.
void ck_pause(void);

#ifdef __cplusplus
}
#endif

#include "CKernelsCards.h"

#endif
