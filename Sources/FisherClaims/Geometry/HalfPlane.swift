import Foundation

/// Two numbers: a point of the plane, a vector, a covector, or a complex number.
package typealias Pair = SIMD2<Double>

extension Pair {
    /// The product as complex numbers.
    package func times(_ other: Pair) -> Pair { Pair(x * other.x - y * other.y, x * other.y + y * other.x) }
    /// The quotient as complex numbers.
    package func over(_ other: Pair) -> Pair { times(Pair(other.x, -other.y)) / other.squaredLength }
    /// This vector turned counterclockwise.
    package func turned(by angle: Double) -> Pair { times(Pair(cos(angle), sin(angle))) }

    /// The inner product in the Euclidean plane.
    package func dot(_ other: Pair) -> Double { x * other.x + y * other.y }
    /// The square of the Euclidean length.
    package var squaredLength: Double { dot(self) }
    /// The Euclidean length.
    package var length: Double { squaredLength.squareRoot() }
    /// The angle from the first axis, in radians.
    package var angle: Double { atan2(y, x) }

    /// The angle between two vectors in degrees, 0 to 180; 0 if one is zero.
    package func degrees(to other: Pair) -> Double {
        abs(atan2(x * other.y - y * other.x, dot(other))) * 180 / .pi
    }
}

/// The geometry of the normal distributions with mean mu and standard deviation sigma, in closed form.
///
/// The Fisher information of an observation is diag(1/sigma^2, 2/sigma^2). In x = mu/sqrt(2), y = sigma it is twice the metric
/// (dx^2 + dy^2)/y^2 of the hyperbolic half-plane (Rao 1945; Amari 2016, Section 3.5): geodesics are half-circles and upright
/// lines, the curvature is -1/2 everywhere.
///
/// A tangent vector is described by its components in the orthonormal frame (sigma d/dmu, sigma/sqrt(2) d/dsigma), in which
/// its Euclidean length is the Fisher length and parallel transport is a rotation. For a covector they are g/sqrt(f), the
/// invariant natural gradient of Eq. 27 of Hwang (2024).
package enum NormalFamily {
    /// The diagonal of the Fisher information in (mu, sigma); the rest is zero.
    package static func information(at point: Pair) -> Pair { Pair(1, 2) / (point.y * point.y) }

    /// The components in the frame of the vector that a covector such as a gradient stands for: g/sqrt(f).
    package static func framed(covector g: Pair, at point: Pair) -> Pair {
        Pair(g.x * point.y, g.y * point.y / 2.0.squareRoot())
    }

    /// The components in the frame of a vector in (mu, sigma): v sqrt(f).
    package static func framed(vector v: Pair, at point: Pair) -> Pair {
        Pair(v.x / point.y, v.y * 2.0.squareRoot() / point.y)
    }

    /// The vector in (mu, sigma) of components in the frame.
    package static func vector(framed v: Pair, at point: Pair) -> Pair {
        Pair(v.x * point.y, v.y * point.y / 2.0.squareRoot())
    }

    /// The covector in (mu, sigma) of components in the frame.
    package static func covector(framed v: Pair, at point: Pair) -> Pair {
        Pair(v.x / point.y, v.y * 2.0.squareRoot() / point.y)
    }

    /// The acceleration of a geodesic with velocity v: -Gamma^i_jk v^j v^k with the Christoffel symbols
    /// Gamma^mu_mu,sigma = -1/sigma, Gamma^sigma_mu,mu = 1/(2 sigma), Gamma^sigma_sigma,sigma = -1/sigma.
    package static func acceleration(at point: Pair, velocity v: Pair) -> Pair {
        Pair(2 * v.x * v.y, v.y * v.y - v.x * v.x / 2) / point.y
    }

    /// The angle by which parallel transport turns the components in the frame along the straight line in (mu, sigma) from
    /// one point to another: minus the integral of dx/y.
    package static func rotation(alongSegmentFrom start: Pair, to end: Pair) -> Double {
        let growth = (end.y - start.y) / start.y
        // The logarithm over its argument, whose limit at 0 is 1.
        let quotient = abs(growth) < 1e-8 ? 1 - growth / 2 : log1p(growth) / growth
        return -(end.x - start.x) / 2.0.squareRoot() / start.y * quotient
    }

    /// The components in the frame of a vector after parallel transport along the straight line in (mu, sigma).
    package static func transported(framed v: Pair, alongSegmentFrom start: Pair, to end: Pair) -> Pair {
        v.turned(by: rotation(alongSegmentFrom: start, to: end))
    }
}

/// The shortest line between two normal distributions, run through at constant speed.
///
/// The half-plane is moved by its isometry so that the start is i, and mapped to the unit disk, in which the geodesics from
/// the center are radii: no case is special, not even that of equal means.
package struct NormalGeodesic {
    /// Where it begins: mean and standard deviation.
    package let start: Pair
    /// Half the distance in the hyperbolic metric.
    private let halfDistance: Double
    /// The radius on which the line lies, as a complex number of length 1.
    private let direction: Pair

    /// The line between two points, whose second component, the standard deviation, is positive.
    package init(from start: Pair, to end: Pair) {
        precondition(start.y > 0 && end.y > 0, "a standard deviation is positive")
        self.start = start
        let moved = Pair((end.x - start.x) / 2.0.squareRoot(), end.y) / start.y
        let inDisk = (moved - Pair(0, 1)).over(moved + Pair(0, 1))
        let radius = inDisk.length
        halfDistance = atanh(radius)
        direction = radius > 0 ? inDisk / radius : Pair(1, 0)
    }

    /// The Fisher-Rao distance of the ends: sqrt(2) arcosh(1 + ((dmu)^2/2 + (dsigma)^2)/(2 sigma_1 sigma_2)).
    package var distance: Double { 2 * 2.0.squareRoot() * halfDistance }

    /// The point at a share of the length, 0 at the start and 1 at the end.
    package func point(at share: Double) -> Pair {
        let inDisk = direction * tanh(share * halfDistance)
        let moved = Pair(0, 1).times(Pair(1, 0) + inDisk).over(Pair(1, 0) - inDisk)
        return Pair(start.x + 2.0.squareRoot() * start.y * moved.x, start.y * moved.y)
    }

    /// The velocity with respect to the share in the frame's components; its length is the distance.
    package func velocity(at share: Double) -> Pair {
        let inDisk = direction * tanh(share * halfDistance)
        let rest = Pair(1, 0) - inDisk
        let along = Pair(0, 1).times(direction).over(rest.times(rest))
        return along / along.length * distance
    }

    /// The components in the frame of a vector after parallel transport from one share of the length to another: the angle
    /// to the line's own direction is kept.
    package func transported(framed v: Pair, from first: Double, to last: Double) -> Pair {
        v.turned(by: velocity(at: last).angle - velocity(at: first).angle)
    }

    /// The end of the line by the classical method of Runge and Kutta for the geodesic equation, from the start with the
    /// closed form's velocity: what the closed form is checked against.
    package func integratedEnd(steps: Int) -> Pair {
        var point = start
        var velocity = NormalFamily.vector(framed: self.velocity(at: 0), at: start)
        let h = 1 / Double(steps)
        for _ in 0..<steps {
            func rate(_ point: Pair, _ velocity: Pair) -> (point: Pair, velocity: Pair) {
                (velocity, NormalFamily.acceleration(at: point, velocity: velocity))
            }
            let a = rate(point, velocity)
            let b = rate(point + a.point * (h / 2), velocity + a.velocity * (h / 2))
            let c = rate(point + b.point * (h / 2), velocity + b.velocity * (h / 2))
            let d = rate(point + c.point * h, velocity + c.velocity * h)
            point += (a.point + 2 * b.point + 2 * c.point + d.point) * (h / 6)
            velocity += (a.velocity + 2 * b.velocity + 2 * c.velocity + d.velocity) * (h / 6)
        }
        return point
    }
}
