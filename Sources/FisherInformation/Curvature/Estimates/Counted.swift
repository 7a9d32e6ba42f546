import NeuralNet
import Torch

/// Sums over independent data that can be added across batches, processes and files; the division comes last.
public protocol Summable {
    /// The sum of both. Throws `mismatched` if they do not belong to the same parameters, layers or sources.
    func adding(_ other: Self) throws(CurvatureError) -> Self

    /// The sum of what all processes have, whose structures are equal. Throws `mismatched` for what cannot be added.
    func summed(by sum: ProcessSum) throws -> Self
}

extension Tensor: Summable {
    /// The elementwise sum. Throws `mismatched` if the shapes differ.
    public func adding(_ other: Tensor) throws(CurvatureError) -> Tensor {
        if failure == nil, other.failure == nil, shape != other.shape {
            throw .mismatched(reason: "one is of shape \(shape), the other of \(other.shape)")
        }
        return self + other
    }

    public func summed(by sum: ProcessSum) throws -> Tensor { try sum(self) }
}

extension Optional: Summable where Wrapped: Summable {
    /// The sum if both exist, otherwise nil.
    public func adding(_ other: Wrapped?) throws(CurvatureError) -> Wrapped? {
        guard let self, let other else { return nil }
        return try self.adding(other)
    }

    public func summed(by sum: ProcessSum) throws -> Wrapped? { try self?.summed(by: sum) }
}

extension Dictionary: Summable where Key: Comparable, Value: Summable {
    /// The sums by key. Throws `mismatched` if the keys differ.
    public func adding(_ other: [Key: Value]) throws(CurvatureError) -> [Key: Value] {
        guard keys == other.keys else { throw .mismatched(reason: "they are of other parameters or layers") }
        var sums = self
        for (key, value) in other { sums[key] = try self[key]?.adding(value) }
        return sums
    }

    public func summed(by sum: ProcessSum) throws -> [Key: Value] {
        var sums = self
        // Each process has an order of its own.
        for key in keys.sorted() { sums[key] = try self[key]?.summed(by: sum) }
        return sums
    }
}

extension Array: Summable where Element: Summable {
    /// The sums by position. Throws `mismatched` if the numbers of elements differ.
    public func adding(_ other: [Element]) throws(CurvatureError) -> [Element] {
        guard count == other.count else {
            throw .mismatched(reason: "they are of other parameters or layers")
        }
        var sums: [Element] = []
        for (own, its) in zip(self, other) { sums.append(try own.adding(its)) }
        return sums
    }

    public func summed(by sum: ProcessSum) throws -> [Element] { try map { try $0.summed(by: sum) } }
}

/// An estimate of the information: sums with the number of observations over which their means are taken.
///
/// The members of the sums are available on the estimate itself: `found.squares`, `found.layers`. Their
/// `mean` is on the scale of the mean negative log-likelihood, whose Hessian it approximates.
@dynamicMemberLookup
public struct Counted<Sums: Summable>: Summable {
    /// The source of the estimate.
    public let source: CurvatureSource
    /// The sums over units.
    public let sums: Sums
    /// The number N of observations.
    public let observationCount: Int

    /// Gathers sums.
    public init(source: CurvatureSource, sums: Sums, observationCount: Int) {
        self.source = source
        self.sums = sums
        self.observationCount = observationCount
    }

    /// N as a divisor.
    package var divisor: Double { Double(max(observationCount, 1)) }

    /// A member of the sums.
    public subscript<Member>(dynamicMember path: KeyPath<Sums, Member>) -> Member { sums[keyPath: path] }

    /// The sum of estimates on independent data. Throws `mismatched` if they are of other sources, parameters
    /// or layers.
    public func adding(_ other: Counted) throws(CurvatureError) -> Counted {
        guard source == other.source else {
            throw .mismatched(reason: "one is \(source), the other \(other.source)")
        }
        return Counted(
            source: source, sums: try sums.adding(other.sums),
            observationCount: observationCount + other.observationCount)
    }

    public func summed(by sum: ProcessSum) throws -> Counted {
        Counted(source: source, sums: try sums.summed(by: sum), observationCount: sum(observationCount))
    }

    /// The sum of estimates on independent data. Throws as `adding(_:)` does.
    public static func + (a: Counted, b: Counted) throws(CurvatureError) -> Counted { try a.adding(b) }
}

extension Counted where Sums == [ParameterPath: Tensor] {
    /// The sums over the number of observations, by parameter.
    public var mean: [ParameterPath: Tensor] { sums.mapValues { $0 / divisor } }
}
