import CKernels
import Torch

/// Upper bounds of the magnitudes of what a fused step reads, carried from step to step, by which a step that cannot
/// overflow is known to be one without a pass over memory.
///
/// They start from one pass over the tensors. A step adds the norm of what it added to the parameter, which it sums up
/// anyway, and moves the others by the rule's own constants. Whoever changes the parameter in between makes them void.
struct FusedBounds {
    /// Of the elements of the parameter.
    var parameter: Double
    /// Of the momentum.
    var momentum: Double
    /// Of v or f; 0 for a factored one, whose sums are bounded as they are made.
    var square: Double
    /// The parameter's tensor and its version, of which they hold.
    private var tensor: Tensor
    private var version: Int?

    /// Measures the tensors of a slot.
    init(of slot: FusedSlot) throws(TorchError) {
        parameter = try slot.parameter.largestMagnitude()
        momentum = try slot.step.momentum?.largestMagnitude() ?? 0
        square = try slot.step.square?.largestMagnitude() ?? 0
        tensor = slot.parameter
        version = slot.parameter.version
    }

    /// Bounds that hold although the other processes' parts of the parameter were written: this one moves its own alone.
    mutating func acceptVersion() { version = tensor.version }

    /// The bounds after somebody else has changed the parameter, whose norm bounds its elements; the state is the slot's
    /// own. One pass over the parameter.
    func renewed(for slot: FusedSlot, _ job: FusedJob) throws(TorchError) -> FusedBounds {
        var (renewed, sums) = (self, ck_sums())
        guard slot.parameter.device == .cpu else { return try FusedBounds(of: slot) }
        job.loops.pointee.square_sum(job.parameter, Int64(job.count), &sums)
        renewed.parameter = 1.01 * sums.gradient.squareRoot()
        renewed.tensor = slot.parameter
        renewed.version = slot.parameter.version
        return renewed
    }

    /// Whether nobody else has changed the parameter.
    func hold(for parameter: Tensor) -> Bool {
        tensor === parameter && version != nil && version == parameter.version
    }

    /// The bounds after a move whose change had this sum of squares, in place of the bound of the change.
    func settled(for parameter: Tensor, before: FusedBounds, changeSquares: Double) -> FusedBounds {
        var settled = self
        // The sum is of float32 squares, so it overflows for changes beyond 1e19.
        let change = changeSquares.squareRoot()
        if change.isFinite { settled.parameter = min(self.parameter, before.parameter + change * 1.01) }
        // What is stored is rounded to the parameter's type.
        settled.parameter *= 1 + parameter.dtype.ulpOfOne
        settled.version = parameter.version
        return settled
    }
}

extension FusedStep {
    /// The momentum, where the rule has one.
    var momentum: Tensor? {
        switch self {
        case .plain(_, let momentum), .adaptive(_, let momentum, _): momentum
        case .metric(let step): step.momentum
        case .divided(_, let momentum, _, _): momentum
        }
    }

    /// v or f, where it is not factored.
    var square: Tensor? {
        switch self {
        case .plain, .divided: return nil
        case .adaptive(_, _, let square): return square
        case .metric(let step):
            guard case .full(let f) = step.information else { return nil }
            return f
        }
    }
}

extension FusedJob {
    /// No number that a loop makes may exceed this: a third of the greatest float32.
    private static let limit = 1e38
    private static let greatest = Double(Float.greatestFiniteMagnitude)
    private static let leastNormal = Double(Float.leastNormalMagnitude)

    /// Bounds of what the move will leave behind; nil if an overflow is not excluded. Costs a few multiplications.
    ///
    /// - Parameters:
    ///   - before: bounds of what there is.
    ///   - scale: the factor of the gradients as they lie in memory.
    func bounds(after before: FusedBounds, scale: Double) -> FusedBounds? {
        // The survey sums blocks up in float32.
        let gradient = 1.01 * (gradientSquares.squareRoot() * abs(scale))
        var after = before
        let change: Double
        var terms: [Double] = []
        switch loop {
        case .plain(let k):
            let d = gradient + Double(k.coupled) * before.parameter
            after.momentum = momentum == nil ? 0 : Double(k.mu) * before.momentum + d
            let step = Double(k.of_gradient) * d + Double(k.of_momentum) * after.momentum
            change = Double(k.rate) * step
            terms = [d, after.momentum, step, change]
        case .adaptive(let k):
            let g = gradient + Double(k.coupled) * before.parameter
            after.square = averaged(before.square, k.keep_v, k.take_v, square: g)
            let root = after.square * Double(k.correct_v) + Double(k.inside)
            after.momentum = momentum == nil ? 0 : Double(k.keep_m) * before.momentum + Double(k.take_m) * g
            let direction = momentum == nil ? g : after.momentum * Double(k.correct_m)
            let divisor = Double(k.outside) + Double(k.inside).squareRoot()
            let ratio = quotient(direction, divisor, guarded: k.guarded)
            let step = ratio + Double(k.decay) * before.parameter
            change = Double(k.rate) * step
            // A divisor that overflows would stand still in silence.
            terms = [g, root, direction, after.momentum, k.guarded ? 0 : ratio, step, change]
        case .divided(let k):
            let g = gradient + Double(k.coupled) * before.parameter
            after.momentum = Double(k.keep_m) * before.momentum + Double(k.take_m) * g
            let direction = after.momentum * Double(k.correct_m)
            let divisor = k.rooted ? Double(k.damping).squareRoot() : Double(k.damping)
            let step = quotient(direction, divisor, guarded: true) + Double(k.decay) * before.parameter
            change = Double(k.rate) * step
            terms = [g, after.momentum, direction, step, change]
        case .metric(let k), .factored(let k):
            let epsilon = Double(
                epsilonInForce(gradientSquares: gradientSquares * scale * scale)
                    .map { ck_metric.added(for: $0, power: power) } ?? k.epsilon)
            var guarded = true
            var divisor = epsilon
            if case .metric = loop {
                after.square =
                    averaged(before.square, k.keep_f, k.take_f, square: gradient) + Double(k.add_f)
                divisor += Double(k.power(of: Double(k.add_f)))
                guarded = k.needsGuards(leastDivisor: Float(divisor))
            }
            // Clipped, no element is larger than the norm that the clip allows.
            let most = clip.map { 1.01 * $0 * Double(count).squareRoot() } ?? .infinity
            let natural = quotient(gradient, divisor, guarded: guarded)
            let step =
                hasUnitLength ? 1.01 * min(clip ?? 1, 1) * Double(count).squareRoot() : min(natural, most)
            let decay = k.of_decay == 0 ? 0 : quotient(before.parameter, divisor, guarded: guarded)
            after.momentum =
                Double(k.keep_m) * before.momentum + Double(k.take_m) * step
            change =
                Double(k.of_momentum) * after.momentum + Double(k.of_theta) * before.parameter
                + Double(k.of_decay) * min(decay, most)
            terms = [
                gradient, after.square, guarded ? 0 : natural, guarded ? 0 : decay, after.momentum, change,
            ]
        }
        after.parameter = before.parameter + change
        // Half of the last place of the greatest number: adding less than that to a finite one leaves it finite.
        let isNegligible = change < Self.greatest * Double(Float.ulpOfOne) / 8
        guard before.parameter <= Self.greatest, terms.allSatisfy({ $0 < Self.limit }),
            isNegligible || after.parameter < Self.limit
        else {
            return nil
        }
        after.parameter = min(after.parameter, Self.greatest)
        return after
    }

    /// keep v + take g^2 as the loops bound it.
    private func averaged(_ former: Double, _ keep: Float, _ take: Float, square g: Double) -> Double {
        Double(keep) * former + Double(take) * min(g * g, Self.greatest / 2)
    }

    private func quotient(_ x: Double, _ divisor: Double, guarded: Bool) -> Double {
        guarded ? min(x / max(divisor, Self.leastNormal), Self.greatest) : x / divisor
    }
}
