import Fisher
import Foundation

/// An inspection as JSON; numbers that JSON lacks are the words Infinity and NaN.
public struct InspectionDocument: Codable, Sendable, Hashable {
    /// A Kronecker factor.
    public struct Factor: Codable, Sendable, Hashable {
        /// The eigenvalues, descending.
        public var eigenvalues: [Double]
        /// The diagonal, descending.
        public var diagonal: [Double]
        /// exp of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// How much of the squared energy a diagonal keeps.
        public var diagonalShare: DiagonalShare
        /// The share of rows whose Gershgorin disc does not reach zero.
        public var dominantShare: Double
        /// How far the eigenvalues move where the off-diagonals are removed, relative to their norm.
        public var shiftWithoutOffDiagonals: Double

        init(_ factor: FactorInspection) {
            eigenvalues = factor.spectrum.values
            diagonal = factor.diagonalSpectrum.values
            effectiveRank = factor.spectrum.effectiveRank
            conditionNumber = factor.conditionNumber
            diagonalShare = factor.share
            dominantShare = factor.discs.dominantShare
            shiftWithoutOffDiagonals = factor.spectrum.relativeShift(to: factor.diagonalSpectrum)
        }
    }

    /// A layer.
    public struct Layer: Codable, Sendable, Hashable {
        /// Its path; empty for the model itself.
        public var path: String
        /// Its type.
        public var kind: String
        /// The number of its trainable elements.
        public var parameters: Int
        /// Whether it has Kronecker factors; rank and condition number are those of its diagonal where not.
        public var hasKroneckerFactors: Bool
        /// The trace of the true information of an observation.
        public var trace: Double
        /// The same trace from the data's labels.
        public var empiricalTrace: Double
        /// exp of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// The share of the squared energy of A (x) S on its diagonal.
        public var diagonalShare: Double?
        /// The same with the means subtracted.
        public var centredDiagonalShare: Double?
        /// The empirical diagonal against the true one.
        public var empiricalToTrue: InformationComparison
        /// A (x) S from the data's labels against that of the model's own.
        public var kroneckerEmpiricalToTrue: InformationComparison?
        /// A.
        public var inputs: Factor?
        /// S.
        public var outputs: Factor?
    }

    /// A parameter tensor's part of the least-informed elements.
    public struct LeastInformedParameter: Codable, Sendable, Hashable {
        /// Its path.
        public var path: String
        /// The number of its elements.
        public var count: Int
        /// How many are among the least informed.
        public var least: Int
        /// How many have no information at all.
        public var unreached: Int
    }

    /// The version of the layout.
    public var formatVersion = 1
    /// What was inspected.
    public var subject: InspectionSubject
    /// The source that stands for the true information.
    public var source: String
    /// The number of observations.
    public var observations: Int
    /// The layers in the order of the model.
    public var layers: [Layer]
    /// The share that counts as least informed, of the elements that have information.
    public var leastInformedShare: Double
    /// The information at or below which an element counts.
    public var leastInformedThreshold: Double
    /// Where they are.
    public var leastInformed: [LeastInformedParameter]

    /// Writes an inspection down.
    public init(_ inspection: ModelInspection, of subject: InspectionSubject) {
        self.subject = subject
        source = "\(inspection.source)"
        observations = inspection.observationCount
        layers = inspection.layers.map { layer in
            Layer(
                path: "\(layer.path)", kind: layer.kind, parameters: layer.parameterCount,
                hasKroneckerFactors: layer.factors != nil, trace: layer.trace,
                empiricalTrace: layer.empiricalTrace, effectiveRank: layer.effectiveRank,
                conditionNumber: layer.conditionNumber, diagonalShare: layer.factors?.diagonalShare,
                centredDiagonalShare: layer.factors?.centredShare, empiricalToTrue: layer.comparison,
                kroneckerEmpiricalToTrue: layer.factors?.comparison,
                inputs: layer.factors.map { Factor($0.inputs) },
                outputs: layer.factors.map { Factor($0.outputs) })
        }
        leastInformedShare = inspection.leastInformed.share
        leastInformedThreshold = inspection.leastInformed.threshold
        leastInformed = inspection.leastInformed.rows.map {
            LeastInformedParameter(
                path: "\($0.path)", count: $0.count, least: $0.least, unreached: $0.unreached)
        }
    }

    /// The document as text with sorted keys.
    public func json() -> Data { StoredJSON.encode(self) }
}
