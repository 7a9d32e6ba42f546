import Fisher
import FisherData
import Foundation

/// How samples become what the network takes, and its outputs what was asked for: saved with a run's weights, so that new
/// samples are prepared as those to train on were.
struct DataPreparation: Codable, Hashable, Sendable {
    /// The key in the metadata of weights.
    static let metadataKey = "swift_fisher_data"

    /// How the columns of a table become numbers; nil for other data.
    var encoding: TableEncoding?
    /// The means and deviations of the inputs.
    var standardization: Standardization
    /// Whether inputs are numbers of entries of an embedding.
    var areEntries: Bool
    /// The sizes of a sample as it is stored.
    var storedShape: [Int]
    /// The sizes of a sample as the network takes it.
    var sampleShape: [Int]
    /// The names of the classes; empty where numbers are predicted.
    var classNames: [String]
    /// The names of the numbers that are predicted, where they have any.
    var targetNames: [String]
    /// The sizes of a target; empty for a class.
    var targetShape: [Int]
    /// The mean of each number of a target that is standardized; empty where none is.
    var targetMeans: [Double]
    /// The deviation of each.
    var targetDeviations: [Double]

    /// sum_j log s_j over the numbers of a target: what the loss of standardized targets lacks.
    var logScale: Double { targetDeviations.reduce(0) { $0 + log($1) } }

    /// Samples as they are stored, as the network takes them.
    func inputs(_ stored: Tensor) -> Tensor {
        if stored.failure != nil { return stored }
        let shape = [stored.shape[0]] + sampleShape
        if areEntries { return stored.to(dtype: .int64).reshaped(shape) }
        return standardization.inputs(stored).reshaped(shape)
    }

    /// Numbers to predict as the likelihood observes them, float32.
    func targets(_ stored: Tensor) -> Tensor {
        if stored.failure != nil { return stored }
        let values = stored.to(dtype: .float64).reshaped([stored.shape[0]] + targetShape)
        if targetMeans.isEmpty { return values.to(dtype: .float32) }
        return ((values - row(targetMeans)) / row(targetDeviations)).to(dtype: .float32)
    }

    /// Predicted numbers in the unit of the original ones, float64.
    func original(_ predicted: Tensor) -> Tensor {
        let values = predicted.to(dtype: .float64)
        return targetMeans.isEmpty ? values : values * row(targetDeviations) + row(targetMeans)
    }

    private func row(_ numbers: [Double]) -> Tensor { Tensor(numbers, shape: [1] + targetShape) }
}
