import Fisher
import Foundation

/// A rule that the article derives from a differential equation, and how its options depend on the time h of a step.
package enum ContinuousLimit: String, CaseIterable, Sendable {
    /// Adagrad with learning rate sqrt(h) and epsilon / h: its sum of squares is G / h.
    case adagrad = "Adagrad, rate = root of h"
    /// Adagrad with learning rate h and a constant epsilon, as if its sum were the integral of the squares.
    case adagradByRate = "Adagrad, rate = h"
    /// RMSProp with learning rate h and beta = 1 - h/tau.
    case rmsProp = "RMSProp, 1 - beta = h/tau"
    /// RMSProp with learning rate h and a constant beta.
    case rmsPropFixed = "RMSProp, constant beta"
    /// theta <- theta - h F^-1 g.
    case naturalGradient = "natural gradient"

    /// The constants of the equations: epsilon of both, tau of RMSProp.
    package static let epsilon = 0.5
    package static let tau = 0.5

    /// Where the equation leads: theta at the time `end` from `start`, by the classical method of Runge and Kutta in the
    /// root of the time, in which the solutions are smooth at the start; the natural gradient in closed form.
    ///
    ///     Adagrad:  d theta/dt = -g / sqrt(G + epsilon),       dG/dt = g^2,            G(0) = 0
    ///     RMSProp:  d theta/dt = -g / (sqrt(G) + epsilon),     dG/dt = (g^2 - G)/tau,  G(0) = 0
    package func solution(
        _ objective: NormalObjective, from start: Pair, until end: Double, steps: Int = 500
    ) -> [(time: Double, point: Pair)] {
        if self == .naturalGradient {
            return (0...steps).map { k in
                let time = end * Double(k) / Double(steps)
                return (time, objective.naturalFlow(from: start, after: time))
            }
        }
        let isAdagrad = self == .adagrad || self == .adagradByRate
        func rate(_ root: Double, _ x: SIMD4<Double>) -> SIMD4<Double> {
            let g = objective.gradient(at: x.lowHalf)
            let sum = Pair(Swift.max(x.z, 0), Swift.max(x.w, 0))
            let velocity =
                isAdagrad ? -g / (sum + Self.epsilon).squareRoot() : -g / (sum.squareRoot() + Self.epsilon)
            let growth = isAdagrad ? g * g : (g * g - sum) / Self.tau
            return SIMD4(lowHalf: velocity, highHalf: growth) * (2 * root)
        }
        var x = SIMD4(lowHalf: start, highHalf: Pair())
        var found = [(time: 0.0, point: start)]
        let h = end.squareRoot() / Double(steps)
        for k in 0..<steps {
            let root = Double(k) * h
            let a = rate(root, x)
            let b = rate(root + h / 2, x + a * (h / 2))
            let c = rate(root + h / 2, x + b * (h / 2))
            let d = rate(root + h, x + c * h)
            x += (a + 2 * b + 2 * c + d) * (h / 6)
            let time = (root + h) * (root + h)
            found.append((time, x.lowHalf))
        }
        return found
    }

    /// The rule of this package with the options of a step h; nil for the natural gradient, which is written out.
    private func rule(step h: Double) throws -> (any OptimizationRule)? {
        switch self {
        case .adagrad:
            try Adagrad(learningRate: .constant(h.squareRoot())) { $0.epsilon = .constant(Self.epsilon / h) }
        case .adagradByRate:
            try Adagrad(learningRate: .constant(h)) { $0.epsilon = .constant(Self.epsilon) }
        case .rmsProp:
            try RMSProp(learningRate: .constant(h)) {
                $0.epsilon = .constant(Self.epsilon)
                $0.beta = .constant(1 - h / Self.tau)
            }
        case .rmsPropFixed:
            try RMSProp(learningRate: .constant(h)) { $0.epsilon = .constant(Self.epsilon) }
        case .naturalGradient: nil
        }
    }

    /// The iterates with steps of time h, the start among them.
    package func iterates(
        _ objective: NormalObjective, from start: Pair, until end: Double, step h: Double
    ) throws -> [Pair] {
        let count = Int((end / h).rounded())
        var points = [start]
        guard let rule = try rule(step: h) else {
            for _ in 0..<count {
                let point = points[points.count - 1]
                points.append(point - objective.naturalGradient(at: point) * h)
            }
            return points
        }
        let descent = try VectorDescent(rule, from: Tensor([start.x, start.y], shape: [2]))
        for _ in 0..<count {
            let g = objective.gradient(at: points[points.count - 1])
            try descent.step(Tensor([g.x, g.y], shape: [2]))
            let moved = try descent.vector.scalars(as: Double.self)
            points.append(Pair(moved[0], moved[1]))
        }
        return points
    }
}
