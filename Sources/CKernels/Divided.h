// The loop of rules that divide their momentum by a product of row and column factors: AdaFisher.

INLINE void NAME(divided_row)(
    const ck_divided k, Stored *p, const Stored *g, float *m, float row, const float *columns, int64_t count,
    Doubles *change_sum, bool rooted) {
    Floats change_part = 0.0f;
    for (int64_t j = 0; j < count; j += LANES) {
        Floats theta = READ(p + j);
        Floats gradient = READ(g + j) * k.scale + theta * k.coupled;
        Floats momentum = LOAD(m + j) * k.keep_m + gradient * k.take_m;
        STORE(m + j, momentum);
        Floats information = LOAD(columns + j) * row + k.damping;
        Floats inverse = INVERSE(rooted ? ROOT(information) : information, true);
        Floats change = (QUOTIENT(momentum * k.correct_m, inverse, true) + theta * k.decay) * -k.rate;
        ADD_SQUARE(*change_sum, change_part, change, false);
        WRITE(p + j, theta + change);
    }
    ADD_PART(*change_sum, change_part, false);
}

static void NAME(divided)(
    const ck_divided *k, ck_tile tile, void *parameter, const void *gradient, float *momentum,
    const float *rows, const float *columns, ck_sums *sums) {
    int64_t whole = tile.columns / LANES * LANES, rest = tile.columns - whole;
    Doubles change_sum = 0.0;
    for (int64_t i = 0; i < tile.rows; ++i) {
        Stored *p = (Stored *)parameter + i * tile.stride;
        const Stored *g = (const Stored *)gradient + i * tile.stride;
        float *m = momentum + i * tile.stride;
        if (k->rooted)
            NAME(divided_row)(*k, p, g, m, rows[i], columns, whole, &change_sum, true);
        else
            NAME(divided_row)(*k, p, g, m, rows[i], columns, whole, &change_sum, false);
        if (rest == 0) continue;
        Stored last_p[LANES] = {0}, last_g[LANES] = {0};
        float last_m[LANES] = {0}, last_columns[LANES] = {0};
        memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_m, m + whole, (size_t)rest * sizeof(float));
        memcpy(last_columns, columns + whole, (size_t)rest * sizeof(float));
        NAME(divided_row)(*k, last_p, last_g, last_m, rows[i], last_columns, LANES, &change_sum, k->rooted);
        memcpy(p + whole, last_p, (size_t)rest * sizeof(Stored));
        memcpy(m + whole, last_m, (size_t)rest * sizeof(float));
    }
    sums->change += total(&change_sum);
}
