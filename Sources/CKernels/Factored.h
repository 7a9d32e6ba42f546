// Loops of FAdafactor and Adafactor on a matrix whose information is kept as row and column sums.
//
// A row's squares go to double at its end: a tile should not be much wider than a few thousand columns.

INLINE void NAME(factor_sums_row)(
    float bound, const Stored *g, int64_t count, float *row_sum, float *column_sums, Doubles *wide_sum) {
    Floats sum = 0.0f;
    for (int64_t j = 0; j < count; j += LANES) {
        Floats gradient = READ(g + j);
        Floats square = AT_MOST(gradient * gradient, bound);
        sum += square;
        STORE(column_sums + j, LOAD(column_sums + j) + square);
    }
    ADD_PART(*wide_sum, sum, false);
    float row = 0;
    for (int lane = 0; lane < LANES; ++lane) row += sum[lane];
    *row_sum += row;
}

static void NAME(factor_sums)(
    float bound, ck_tile tile, const void *gradient, float *row_sums, float *column_sums, ck_sums *sums) {
    int64_t whole = tile.columns / LANES * LANES, rest = tile.columns - whole;
    Doubles wide_sum = 0.0;
    for (int64_t i = 0; i < tile.rows; ++i) {
        const Stored *g = (const Stored *)gradient + i * tile.stride;
        NAME(factor_sums_row)(bound, g, whole, row_sums + i, column_sums, &wide_sum);
        if (rest == 0) continue;
        Stored last_g[LANES] = {0};
        float last_sums[LANES] = {0};
        memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_sums, column_sums + whole, (size_t)rest * sizeof(float));
        NAME(factor_sums_row)(bound, last_g, LANES, row_sums + i, last_sums, &wide_sum);
        memcpy(column_sums + whole, last_sums, (size_t)rest * sizeof(float));
    }
    double sum = total(&wide_sum);
    if (sum < bound && trustworthy(sum, tile.rows * tile.columns)) {
        sums->gradient += sum;
        return;
    }
    for (int64_t i = 0; i < tile.rows; ++i)
        NAME(square_sum)((const Stored *)gradient + i * tile.stride, tile.columns, sums);
}

INLINE void NAME(factored_survey_row)(
    const ck_metric k, const Stored *p, const Stored *g, float row_power, const float *column_powers,
    int64_t count, Doubles *step_sum, Doubles *decay_sum, bool decays, bool guarded,
    bool exact) {
    Floats step_part = 0.0f, decay_part = 0.0f;
    for (int64_t j = 0; j < count; j += LANES) {
        Floats gradient = READ(g + j) * k.scale;
        Floats inverse = INVERSE(LOAD(column_powers + j) * row_power + k.epsilon, guarded);
        Floats step = QUOTIENT(gradient, inverse, guarded);
        ADD_SQUARE(*step_sum, step_part, step, exact);
        if (decays) {
            Floats decay = QUOTIENT(READ(p + j), inverse, guarded);
            ADD_SQUARE(*decay_sum, decay_part, decay, exact);
        }
    }
    ADD_PART(*step_sum, step_part, exact);
    if (decays) ADD_PART(*decay_sum, decay_part, exact);
}

INLINE ck_sums NAME(factored_survey_tile)(
    const ck_metric k, ck_tile tile, const Stored *parameter, const Stored *gradient, const float *row_powers,
    const float *column_powers, bool decays, bool guarded, bool exact) {
    int64_t whole = tile.columns / LANES * LANES, rest = tile.columns - whole;
    Doubles step_sum = 0.0, decay_sum = 0.0;
    for (int64_t i = 0; i < tile.rows; ++i) {
        const Stored *p = parameter + i * tile.stride, *g = gradient + i * tile.stride;
        NAME(factored_survey_row)(
            k, p, g, row_powers[i], column_powers, whole, &step_sum, &decay_sum, decays, guarded,
            exact);
        if (rest == 0) continue;
        Stored last_p[LANES] = {0}, last_g[LANES] = {0};
        float last_powers[LANES] = {0};
        memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_powers, column_powers + whole, (size_t)rest * sizeof(float));
        NAME(factored_survey_row)(
            k, last_p, last_g, row_powers[i], last_powers, LANES, &step_sum, &decay_sum, decays, guarded,
            exact);
    }
    return (ck_sums){0, total(&step_sum), total(&decay_sum), 0};
}

static void NAME(factored_survey)(
    const ck_metric *k, ck_tile tile, const void *p, const void *g, const float *row_powers,
    const float *column_powers, ck_sums *sums) {
    bool decays = k->of_decay != 0;
    int64_t count = tile.rows * tile.columns;
    ck_sums found =
        k->guarded ? NAME(factored_survey_tile)(*k, tile, p, g, row_powers, column_powers, decays, true, false)
        : decays   ? NAME(factored_survey_tile)(*k, tile, p, g, row_powers, column_powers, true, false, false)
                   : NAME(factored_survey_tile)(*k, tile, p, g, row_powers, column_powers, false, false, false);
    if (!trustworthy(found.step, count) || (decays && !trustworthy(found.decay, count)))
        found = NAME(factored_survey_tile)(*k, tile, p, g, row_powers, column_powers, decays, k->guarded, true);
    add(sums, found);
}

INLINE void NAME(factored_apply_row)(
    const ck_metric k, Stored *p, const Stored *g, float *m, float row_power, const float *column_powers,
    int64_t count, Doubles *change_sum, bool decays, bool guarded) {
    Floats change_part = 0.0f;
    for (int64_t j = 0; j < count; j += LANES) {
        Floats theta = READ(p + j), gradient = READ(g + j) * k.scale;
        Floats inverse = INVERSE(LOAD(column_powers + j) * row_power + k.epsilon, guarded);
        Floats momentum = LOAD(m + j) * k.keep_m + QUOTIENT(gradient, inverse, guarded) * k.take_m;
        STORE(m + j, momentum);
        Floats step = momentum * k.of_momentum + theta * k.of_theta;
        if (decays) step += QUOTIENT(theta, inverse, guarded) * k.of_decay;
        ADD_SQUARE(*change_sum, change_part, step, false);
        WRITE(p + j, theta - step);
    }
    ADD_PART(*change_sum, change_part, false);
}

INLINE double NAME(factored_apply_tile)(
    const ck_metric k, ck_tile tile, Stored *parameter, const Stored *gradient, float *momentum,
    const float *row_powers, const float *column_powers, bool decays, bool guarded) {
    int64_t whole = tile.columns / LANES * LANES, rest = tile.columns - whole;
    Doubles change_sum = 0.0;
    for (int64_t i = 0; i < tile.rows; ++i) {
        Stored *p = parameter + i * tile.stride;
        const Stored *g = gradient + i * tile.stride;
        float *m = momentum + i * tile.stride, root = row_powers[i];
        NAME(factored_apply_row)(k, p, g, m, root, column_powers, whole, &change_sum, decays, guarded);
        if (rest == 0) continue;
        Stored last_p[LANES] = {0}, last_g[LANES] = {0};
        float last_m[LANES] = {0}, last_powers[LANES] = {0};
        memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
        memcpy(last_m, m + whole, (size_t)rest * sizeof(float));
        memcpy(last_powers, column_powers + whole, (size_t)rest * sizeof(float));
        NAME(factored_apply_row)(
            k, last_p, last_g, last_m, root, last_powers, LANES, &change_sum, decays, guarded);
        memcpy(p + whole, last_p, (size_t)rest * sizeof(Stored));
        memcpy(m + whole, last_m, (size_t)rest * sizeof(float));
    }
    return total(&change_sum);
}

static void NAME(factored_apply)(
    const ck_metric *k, ck_tile tile, void *p, const void *g, float *m, const float *row_powers,
    const float *column_powers, ck_sums *sums) {
    bool decays = k->of_decay != 0;
    sums->change +=
        k->guarded ? NAME(factored_apply_tile)(*k, tile, p, g, m, row_powers, column_powers, decays, true)
        : decays   ? NAME(factored_apply_tile)(*k, tile, p, g, m, row_powers, column_powers, true, false)
                   : NAME(factored_apply_tile)(*k, tile, p, g, m, row_powers, column_powers, false, false);
}
