// Between the passes of a metric's step: what the sums say about epsilon-hat and the clips.

import CKernels

extension FusedJob {
    /// Turns the cells' sums into epsilon-hat and clip factors.
    ///
    /// The sums were taken with epsilon-hat = epsilon, which holds wherever RMS(g) is at least
    /// epsilon / epsilon2. A tensor with a smaller gradient is measured once more, and so is one whose sums
    /// overflowed for want of guards.
    mutating func resolve(_ sums: UnsafeMutablePointer<ck_sums>) {
        switch loop {
        case .plain, .adaptive: break
        case .metric(let k):
            let resolved = resolved(k, sums) { .metric($0) }
            loop = .metric(resolved)
        case .factored(let k):
            let resolved = resolved(k, sums) { .factored($0) }
            loop = .factored(resolved)
        }
    }

    private mutating func resolved(
        _ constants: ck_metric, _ sums: UnsafeMutablePointer<ck_sums>, _ wrapped: (ck_metric) -> Loop
    ) -> ck_metric {
        var k = constants
        if count == 0 || !measures { return k }
        var total = totalOfCells(sums)
        let epsilon = k.epsilon
        if let epsilonFraction {
            let squares = factors?.gradientSquares ?? total.gradient
            k.epsilon = min(epsilon, Float(epsilonFraction * (squares / Double(count)).squareRoot()))
        }
        let guarded = k.guarded || !total.step.isFinite || !total.decay.isFinite || needsGuards(k)
        if k.epsilon != epsilon || guarded != k.guarded {
            k.guarded = guarded
            loop = wrapped(k)
            for cell in 0..<cells.count { measure(cell, &sums[cell]) }
            total = totalOfCells(sums)
        }
        guard let clip else { return k }
        let factor = max(1, (total.step / Double(count)).squareRoot() / clip)
        clipFactor = factor
        k.take_m = Float(Double(k.take_m) / factor)
        k.of_decay = Float(Double(k.of_decay) / max(1, (total.decay / Double(count)).squareRoot() / clip))
        return k
    }

    private func needsGuards(_ k: ck_metric) -> Bool {
        let least = factors?.leastRoot ?? k.add_f.squareRoot()
        return k.epsilon + least < leastUnguardedDivisor
    }

    private func totalOfCells(_ sums: UnsafeMutablePointer<ck_sums>) -> ck_sums {
        var total = ck_sums()
        for cell in 0..<cells.count {
            total.gradient += sums[cell].gradient
            total.step += sums[cell].step
            total.decay += sums[cell].decay
        }
        return total
    }

    /// epsilon-hat as it was used.
    var epsilon: Double? {
        guard reportsEpsilon else { return nil }
        switch loop {
        case .plain, .adaptive: return nil
        case .metric(let k), .factored(let k): return Double(k.epsilon)
        }
    }
}
