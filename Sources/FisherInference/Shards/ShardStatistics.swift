import FisherFiles
import Foundation

/// The sums over one part of the data at a common point: what another process needs of it, and no data.
///
/// Scores and informations of independent parts add, at one point. One round of parts at a point therefore gives the
/// exact step of Fisher scoring from there for all the data, and rounds at the points that result converge to the
/// estimate of the whole; after the last, the sums give its covariances.
package struct ShardStatistics: Codable, Sendable {
    /// What the parts must agree on.
    package struct Point: Codable, Hashable, Sendable {
        package var format = "fisher infer point 1"
        package var specification: ModelSpecification
        package var parameters: [Double]
        package var names: [String]

        package init(specification: ModelSpecification, parameters: [Double], names: [String]) {
            (self.specification, self.parameters, self.names) = (specification, parameters, names)
        }
    }

    package var format = "fisher infer statistics 1"
    package var point: Point
    /// The checks of the parts' files, by which a part that is added twice is noticed.
    package var sources: [String]
    package var units: Double
    package var rows: Int
    package var dropped: Int
    /// Of the Gaussian with a learned variance, at variance 1.
    package var logLikelihood: Double
    /// Pearson's statistic.
    package var pearson: Double?
    package var score: [Double]
    package var expected: DenseMatrix
    package var observed: DenseMatrix
    package var unitVariance: DenseMatrix
    /// The scores of clusters, which may lie in several parts.
    package var clusters: [String: [Double]]?

    /// The sums of a part at a point.
    package init(
        _ model: RegressionModel, at point: Point, clusterNames: [String]?, sources: [String], rows: Int,
        dropped: Int
    ) throws(ModelError) {
        guard model.parameterNames == point.names else {
            throw ModelError("the part's parameters are not those of the point")
        }
        // At variance 1, since the learned one belongs to all the data.
        let raw = model.learnsVariance ? model.with(dispersion: .known(1)) : model
        let found = raw.evaluation(at: point.parameters)
        guard found.logLikelihood.isFinite, found.score.allSatisfy(\.isFinite) else {
            throw ModelError("the part's log-likelihood is not finite at the point")
        }
        self.point = point
        self.sources = sources
        (self.rows, self.dropped) = (rows, dropped)
        units = model.unitCount
        logLikelihood = found.logLikelihood
        pearson = model.pearson(at: point.parameters)
        score = found.score
        (expected, observed) = (found.expected, found.observed)
        unitVariance = raw.unitVariance(at: point.parameters).matrix
        if let clusterNames {
            clusters = raw.clusterScores(at: point.parameters).reduce(into: [:]) { sums, entry in
                sums[clusterNames[entry.key]] = entry.value
            }
        }
    }

    /// Adds another part.
    ///
    /// Throws `ModelError` where it is of another model, at another point, or shares a file.
    package mutating func add(_ other: ShardStatistics, from path: String) throws(ModelError) {
        guard other.point.specification == point.specification, other.point.names == point.names else {
            throw ModelError("\(path) has the statistics of another model than the files before it")
        }
        guard other.point.parameters == point.parameters else {
            throw ModelError(
                "\(path) has statistics at another point than the files before it; compute all parts at one --point"
            )
        }
        if let twice = other.sources.first(where: { sources.contains($0) }) {
            throw ModelError(
                "\(path) has data that a file before it has too (check \(twice)); name each part once")
        }
        sources += other.sources
        units += other.units
        rows += other.rows
        dropped += other.dropped
        logLikelihood += other.logLikelihood
        if let value = other.pearson { pearson = (pearson ?? 0) + value }
        score = sum(score, other.score)
        expected = expected + other.expected
        observed = observed + other.observed
        unitVariance = unitVariance + other.unitVariance
        if let theirs = other.clusters {
            clusters = (clusters ?? [:]).merging(theirs) { sum($0, $1) }
        }
    }

    /// Reads and adds files; throws `ModelError` with the path for one that holds no statistics, and `StorageError`.
    package init(merging paths: [String]) throws {
        guard let first = paths.first else {
            throw ModelError("--merge needs files of statistics", isUsage: true)
        }
        self = try Self.read(first)
        for path in paths.dropFirst() { try add(Self.read(path), from: path) }
    }

    private static func read(_ path: String) throws -> ShardStatistics {
        let data = try DurableStorage.readFile(at: path)
        guard let found = try? JSONDecoder().decode(ShardStatistics.self, from: data),
            found.format == "fisher infer statistics 1", found.isConsistent
        else { throw ModelError("\(path) holds no statistics that fisher infer --save-statistics wrote") }
        return found
    }

    private var isConsistent: Bool {
        let size = point.names.count
        return size > 0 && point.parameters.count == size && score.count == size && units > 0
            && [expected, observed, unitVariance].allSatisfy {
                $0.rowCount == size && $0.columnCount == size && $0.values.count == size * size
            } && (clusters ?? [:]).values.allSatisfy { $0.count == size }
    }

    /// Writes the file.
    package func save(to path: String) throws {
        try DurableStorage.replaceFile(at: path, with: try Self.encoder.encode(self))
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

extension ShardStatistics.Point {
    /// Reads a point; throws `ModelError` with the path for a file that holds none, and `StorageError`.
    package init(path: String) throws {
        let data = try DurableStorage.readFile(at: path)
        guard let found = try? JSONDecoder().decode(Self.self, from: data),
            found.format == "fisher infer point 1",
            found.parameters.count == found.names.count
        else { throw ModelError("\(path) holds no point that fisher infer --save-point wrote") }
        self = found
    }

    /// Writes the file.
    package func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try DurableStorage.replaceFile(at: path, with: try encoder.encode(self))
    }
}

extension RegressionModel {
    /// The sum of the scores of each cluster.
    func clusterScores(at point: [Double]) -> [Int: [Double]] {
        guard let clusters else { return [:] }
        return scores(rowTerms(at: point).gradients, by: clusters)
    }

    /// The same data with another dispersion.
    func with(dispersion: Dispersion) -> RegressionModel {
        RegressionModel(
            family: family, link: link, dispersion: dispersion, design: design, response: response,
            levels: levels, trials: family == .binomial ? trials : nil, weights: weights,
            weightKind: weightKind, offset: offset, clusters: clusters)
    }
}
