import FisherMedia
import Torch

/// The inputs of samples, read by index: rows of an array, or images.
public enum SampleInputs: Sendable {
    /// Rows of numbers; of a table, NaN where a number is missing.
    case array(DataArray)
    /// Images of one size.
    case images(LabeledImages)

    /// The number of samples.
    public var count: Int {
        switch self {
        case .array(let array): array.count
        case .images(let images): images.count
        }
    }

    /// The sizes of one sample.
    public var shape: [Int] {
        switch self {
        case .array(let array): array.rowShape
        case .images(let images): [images.channels, images.size.height, images.size.width]
        }
    }

    /// The type of the numbers as they are stored.
    public var dtype: DType {
        switch self {
        case .array(let array): array.dtype
        case .images: .uint8
        }
    }

    /// Whether all of them are in memory.
    public var isInMemory: Bool {
        switch self {
        case .array(let array): array.isInMemory
        case .images(let images): images.isInMemory
        }
    }

    /// Whether samples are pictures: levels from 0 to 255 in rows and columns, perhaps of several channels.
    public var arePictures: Bool { dtype == .uint8 && (2...3).contains(shape.count) }

    /// Some samples as they are stored, [indices, ...]; throws what reading them throws.
    public func rows(at indices: [Int]) throws -> Tensor {
        switch self {
        case .array(let array): try array.rows(at: indices)
        case .images(let images):
            Tensor(try images.planes(at: indices), shape: [indices.count] + shape)
        }
    }

    func add(to fingerprint: inout Fingerprint) throws {
        switch self {
        case .array(let array): try array.add(to: &fingerprint)
        case .images(let images): fingerprint.add(images.fingerprint)
        }
    }

    /// The same with missing numbers replaced, one replacement for each number of a sample.
    package func filling(_ replacements: [Double]) throws -> SampleInputs {
        guard case .array(let array) = self, array.dtype == .float64 else { return self }
        var values = try array.tensor().scalars(as: Double.self)
        for place in values.indices where values[place].isNaN {
            values[place] = replacements[place % replacements.count]
        }
        return .array(DataArray(array.path, values, shape: array.shape))
    }
}

/// What is to be predicted of samples.
public enum SampleTargets: Sendable {
    /// One of several classes, by its number, with the names of all.
    case classes([Int], names: [String])
    /// Numbers, with their names where they have any.
    case numbers(DataArray, names: [String])

    /// The number of samples.
    public var count: Int {
        switch self {
        case .classes(let labels, _): labels.count
        case .numbers(let array, _): array.count
        }
    }

    /// The classes of samples; nil for numbers.
    public var labels: [Int]? { if case .classes(let labels, _) = self { labels } else { nil } }

    func add(to fingerprint: inout Fingerprint) throws {
        switch self {
        case .classes(let labels, let names):
            for name in names { fingerprint.add(name) }
            try fingerprint.add("classes", Tensor(labels.map(Int64.init)))
        case .numbers(let array, let names):
            for name in names { fingerprint.add(name) }
            try array.add(to: &fingerprint)
        }
    }
}
