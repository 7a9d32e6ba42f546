// The quantities of a metric's step that depend on sums over a tensor: epsilon-hat, the length and the clips.

import CKernels
import FisherInformation

extension FusedJob {
    /// Sets the scale, which is known before the gradient has been surveyed.
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
    /// - Returns: whether epsilon-hat is epsilon, as it is unless the gradient is very small.
    mutating func setEpsilon(gradientSquares: Double) -> Bool {
        guard var k = loop.metric, let smaller = epsilonInForce(gradientSquares: gradientSquares) else {
            return true
        }
        epsilonHat = smaller
        k.epsilon = ck_metric.added(for: smaller, power: power)
        // For a factored metric the guards are known only once its factors are prepared.
        if case .metric = loop { k.guarded = needsGuards(k) }
        loop.metric = k
        return false
    }

    /// epsilon-hat where it is less than epsilon; nil where it is not.
    func epsilonInForce(gradientSquares: Double) -> Float? {
        guard let epsilonFraction, count > 0 else { return nil }
        let bound = Float(epsilonFraction * (gradientSquares / Double(count)).squareRoot())
        return bound < epsilonHat ? bound : nil
    }

    /// Divides by the length and the clip factors, once every cell has been measured.
    mutating func resolve(
        _ sums: UnsafeMutablePointer<ck_sums>, inverses: UnsafeMutablePointer<Float>? = nil
    ) {
        guard measures, count > 0 else { return }
        var total = totalOfCells(sums)
        if needsRepetition(total) {
            for cell in 0..<cells.count { measure(cell, &sums[cell], inverses: inverses) }
            total = totalOfCells(sums)
        }
        settle(total)
    }

    /// Whether a quotient overflowed, from weights of more than 10^18: then the cells are to be measured again, with guards.
    mutating func needsRepetition(_ total: ck_sums) -> Bool {
        if total.step.isFinite && total.decay.isFinite { return false }
        loop.metric?.guarded = true
        return true
    }

    /// Divides by the length and the clip factors, by the sums over the whole tensor.
    mutating func settle(_ total: ck_sums) {
        let size = (total.step / Double(count)).squareRoot()
        // Floored as the formula's quotient is.
        let length = hasUnitLength ? max(size, Double(Float.leastNormalMagnitude)) : 1
        guard var k = loop.metric else { return }
        k.take_m = Float(Double(k.take_m) / length)
        if let clip {
            let factor = max(1, size / length / clip)
            let decayFactor = max(1, (total.decay / Double(count)).squareRoot() / clip)
            clipFactor = factor
            k.take_m = Float(Double(k.take_m) / factor)
            k.of_decay = Float(Double(k.of_decay) / decayFactor)
        }
        loop.metric = k
    }

    private func needsGuards(_ k: ck_metric) -> Bool {
        k.needsGuards(leastDivisor: k.epsilon + k.power(of: Double(k.add_f)))
    }

    /// The sums over all cells, in their order.
    func totalOfCells(_ sums: UnsafeMutablePointer<ck_sums>) -> ck_sums {
        var total = ck_sums()
        for cell in 0..<cells.count {
            total.gradient += sums[cell].gradient
            total.step += sums[cell].step
            total.decay += sums[cell].decay
        }
        return total
    }

    /// epsilon-hat as it was used.
    var epsilon: Double? { reportsEpsilon ? Double(epsilonHat) : nil }
}

extension FusedJob.Loop {
    /// The constants of a metric's loops, whether its information is factored or not.
    fileprivate var metric: ck_metric? {
        get {
            switch self {
            case .metric(let k), .factored(let k): k
            case .plain, .adaptive, .divided: nil
            }
        }
        set {
            switch (self, newValue) {
            case (.metric, let k?): self = .metric(k)
            case (.factored, let k?): self = .factored(k)
            default: break
            }
        }
    }
}
