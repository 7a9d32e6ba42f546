// What the sums over a tensor say about a metric's step: epsilon-hat and the clips.

import CKernels
import FisherInformation

extension FusedJob {
    /// Fills in what is known before the gradient has been surveyed: its scale.
    mutating func setScale(_ scale: Double) {
        switch loop {
        case .plain(var k):
            k.scale = Float(scale)
            loop = .plain(k)
        case .adaptive(var k):
            k.scale = Float(scale)
            loop = .adaptive(k)
        case .metric(var k):
            k.scale = Float(scale)
            k.guarded = needsGuards(k)
            loop = .metric(k)
        case .factored(var k):
            k.scale = Float(scale)
            loop = .factored(k)
        case .divided(var k):
            k.scale = Float(scale)
            loop = .divided(k)
        }
    }

    /// Sets epsilon-hat = min(epsilon, epsilon2 RMS(g)) once the sum of the squares of g is known.
    ///
    /// - Returns: whether epsilon-hat is epsilon, as it is unless the gradient is truly small.
    mutating func setEpsilon(gradientSquares: Double) -> Bool {
        guard let epsilonFraction, count > 0 else { return true }
        let bound = Float(epsilonFraction * (gradientSquares / Double(count)).squareRoot())
        switch loop {
        case .metric(var k) where bound < k.epsilon:
            k.epsilon = bound
            k.guarded = needsGuards(k)
            loop = .metric(k)
        case .factored(var k) where bound < k.epsilon:
            k.epsilon = bound
            loop = .factored(k)
        default: return true
        }
        return false
    }

    /// Divides by the clip factors, once every cell has been measured.
    mutating func resolve(_ sums: UnsafeMutablePointer<ck_sums>) {
        guard let clip, count > 0 else { return }
        var total = totalOfCells(sums)
        if !total.step.isFinite || !total.decay.isFinite {
            // A quotient overflowed: weights of more than 10^18. Once more, with guards.
            setGuarded()
            for cell in 0..<cells.count { measure(cell, &sums[cell]) }
            total = totalOfCells(sums)
        }
        let factor = max(1, (total.step / Double(count)).squareRoot() / clip)
        let decayFactor = max(1, (total.decay / Double(count)).squareRoot() / clip)
        func divide(_ k: inout ck_metric) {
            k.take_m = Float(Double(k.take_m) / factor)
            k.of_decay = Float(Double(k.of_decay) / decayFactor)
        }
        clipFactor = factor
        switch loop {
        case .plain, .adaptive, .divided: break
        case .metric(var k):
            divide(&k)
            loop = .metric(k)
        case .factored(var k):
            divide(&k)
            loop = .factored(k)
        }
    }

    private mutating func setGuarded() {
        switch loop {
        case .plain, .adaptive, .divided: break
        case .metric(var k):
            k.guarded = true
            loop = .metric(k)
        case .factored(var k):
            k.guarded = true
            loop = .factored(k)
        }
    }

    private func needsGuards(_ k: ck_metric) -> Bool {
        k.epsilon + k.add_f.squareRoot() < leastUnguardedDivisor
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
        case .plain, .adaptive, .divided: return nil
        case .metric(let k), .factored(let k): return Double(k.epsilon)
        }
    }
}
