import Foundation

/// A 2 by 2 matrix by its rows.
package struct SquareMatrix: Hashable, Sendable {
    package var first: Pair
    package var second: Pair

    package init(_ first: Pair, _ second: Pair) {
        self.first = first
        self.second = second
    }

    /// A diagonal matrix.
    package init(diagonal: Pair) { self.init(Pair(diagonal.x, 0), Pair(0, diagonal.y)) }

    /// The matrix u u^T.
    package init(square u: Pair) { self.init(u * u.x, u * u.y) }

    package var transposed: SquareMatrix {
        SquareMatrix(Pair(first.x, second.x), Pair(first.y, second.y))
    }

    package var inverse: SquareMatrix {
        let determinant = first.x * second.y - first.y * second.x
        return SquareMatrix(
            Pair(second.y, -first.y) / determinant, Pair(-second.x, first.x) / determinant)
    }

    package var diagonal: Pair { Pair(first.x, second.y) }

    /// The root of the sum of the squares.
    package var norm: Double { (first.squaredLength + second.squaredLength).squareRoot() }

    package static func * (m: SquareMatrix, v: Pair) -> Pair { Pair(m.first.dot(v), m.second.dot(v)) }

    package static func * (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
        let columns = b.transposed
        return SquareMatrix(
            Pair(a.first.dot(columns.first), a.first.dot(columns.second)),
            Pair(a.second.dot(columns.first), a.second.dot(columns.second)))
    }

    package static func * (m: SquareMatrix, factor: Double) -> SquareMatrix {
        SquareMatrix(m.first * factor, m.second * factor)
    }

    package static func + (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
        SquareMatrix(a.first + b.first, a.second + b.second)
    }

    package static func - (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix { a + b * -1 }
}

/// Two numbers that name a normal distribution: other ones than (mu, sigma) for the same manifold.
package enum NormalChart: String, CaseIterable, Sendable {
    case deviation = "mu, sigma"
    case logarithm = "mu, log sigma"
    case variance = "mu, sigma^2"
    case moments = "mu, mu^2 + sigma^2"
    case natural = "mu/sigma^2, -1/(2 sigma^2)"

    /// The coordinates of a distribution with mean and standard deviation `point`.
    package func coordinates(of point: Pair) -> Pair {
        let (mean, deviation) = (point.x, point.y)
        return switch self {
        case .deviation: point
        case .logarithm: Pair(mean, log(deviation))
        case .variance: Pair(mean, deviation * deviation)
        case .moments: Pair(mean, mean * mean + deviation * deviation)
        case .natural: Pair(mean, -0.5) / (deviation * deviation)
        }
    }

    /// The mean and standard deviation at coordinates.
    package func point(at coordinates: Pair) -> Pair {
        let (a, b) = (coordinates.x, coordinates.y)
        return switch self {
        case .deviation: coordinates
        case .logarithm: Pair(a, exp(b))
        case .variance: Pair(a, b.squareRoot())
        case .moments: Pair(a, (b - a * a).squareRoot())
        case .natural: Pair(-a / (2 * b), (-0.5 / b).squareRoot())
        }
    }

    /// The derivatives of the coordinates (rows) by mu and sigma (columns).
    package func jacobian(at point: Pair) -> SquareMatrix {
        let (mean, deviation) = (point.x, point.y)
        let cube = deviation * deviation * deviation
        return switch self {
        case .deviation: SquareMatrix(diagonal: Pair(1, 1))
        case .logarithm: SquareMatrix(diagonal: Pair(1, 1 / deviation))
        case .variance: SquareMatrix(diagonal: Pair(1, 2 * deviation))
        case .moments: SquareMatrix(Pair(1, 0), Pair(2 * mean, 2 * deviation))
        case .natural:
            SquareMatrix(Pair(1 / (deviation * deviation), -2 * mean / cube), Pair(0, 1 / cube))
        }
    }

    /// Whether the Fisher information is diagonal in these coordinates everywhere.
    package var isOrthogonal: Bool { self != .moments && self != .natural }

    /// The components in these coordinates of a covector whose components in (mu, sigma) are `g`: J^-T g.
    package func components(ofCovector g: Pair, at point: Pair) -> Pair {
        jacobian(at: point).inverse.transposed * g
    }

    /// The components in (mu, sigma) of a covector: J^T g.
    package func covector(ofComponents g: Pair, at point: Pair) -> Pair {
        jacobian(at: point).transposed * g
    }

    /// The components in these coordinates of a twice covariant tensor such as the information: J^-T M J^-1.
    package func components(ofTensor m: SquareMatrix, at point: Pair) -> SquareMatrix {
        let inverse = jacobian(at: point).inverse
        return inverse.transposed * m * inverse
    }

    /// The components in (mu, sigma) of a twice covariant tensor.
    package func tensor(ofComponents m: SquareMatrix, at point: Pair) -> SquareMatrix {
        let jacobian = jacobian(at: point)
        return jacobian.transposed * m * jacobian
    }

    /// The Fisher information at coordinates.
    package func information(at coordinates: Pair) -> SquareMatrix {
        let point = point(at: coordinates)
        return components(
            ofTensor: SquareMatrix(diagonal: NormalFamily.information(at: point)), at: point)
    }

    /// The rate at which the components of a parallel covector change along a line with some velocity, all in these
    /// coordinates: dg_j = Gamma^i_jk g_i dx^k, with Christoffel's symbols from central differences of the information.
    private func rate(ofParallel g: Pair, at place: Pair, velocity: Pair) -> Pair {
        let lengths = information(at: place).diagonal.squareRoot()
        func derivative(_ axis: Int) -> SquareMatrix {
            // A thousandth of the unit of Fisher length: of fourth order, the error is that of rounding, about 1e-11.
            let width = 1e-3 / lengths[axis]
            var step = Pair()
            step[axis] = width
            let near = information(at: place + step) - information(at: place - step)
            let far = information(at: place + 2 * step) - information(at: place - 2 * step)
            return (near * 8 - far) * (1 / (12 * width))
        }
        let (by0, by1) = (derivative(0), derivative(1))
        func slope(_ i: Int, _ j: Int, by axis: Int) -> Double {
            let matrix = axis == 0 ? by0 : by1
            return i == 0 ? matrix.first[j] : matrix.second[j]
        }
        let raised = information(at: place).inverse * g
        var change = Pair()
        for j in 0..<2 {
            for k in 0..<2 {
                for l in 0..<2 {
                    let symbol = (slope(l, j, by: k) + slope(l, k, by: j) - slope(j, k, by: l)) / 2
                    change[j] += symbol * raised[l] * velocity[k]
                }
            }
        }
        return change
    }

    /// A covector after parallel transport along the straight line in (mu, sigma), computed in these coordinates by the
    /// classical method of Runge and Kutta: what the closed form is checked against. All arguments are in (mu, sigma).
    package func integrated(covector: Pair, from start: Pair, to end: Pair, steps: Int) -> Pair {
        var g = components(ofCovector: covector, at: start)
        let step = 1 / Double(steps)
        func rate(_ g: Pair, _ share: Double) -> Pair {
            let point = start + (end - start) * share
            return self.rate(
                ofParallel: g, at: coordinates(of: point), velocity: jacobian(at: point) * (end - start))
        }
        for k in 0..<steps {
            let share = Double(k) * step
            let a = rate(g, share)
            let b = rate(g + a * (step / 2), share + step / 2)
            let c = rate(g + b * (step / 2), share + step / 2)
            let d = rate(g + c * step, share + step)
            g += (a + 2 * b + 2 * c + d) * (step / 6)
        }
        return self.covector(ofComponents: g, at: end)
    }
}
