import FisherFiles
import Torch

/// What numbers from a file must be before anything is computed with them.
package enum NumberChecks {
    /// Throws ``DataError`` for the first NaN or infinite number of a tensor, with the file and the number's indices.
    ///
    /// - Parameters:
    ///   - numbers: the numbers, rows along the first axis; whole numbers are always finite.
    ///   - path: the file they were read from.
    ///   - rows: the rows of the file that the tensor's rows are; nil if it begins with the first.
    ///   - columns: the names of the columns, where there are any.
    package static func requireFinite(
        _ numbers: Tensor, in path: String, rows: [Int]? = nil, columns: [String] = []
    ) throws {
        try numbers.check()
        guard try numbers.nonFiniteElement() != nil else { return }
        let values = try numbers.scalars(as: Double.self)
        guard let place = values.firstIndex(where: { !$0.isFinite }) else { return }
        var (rest, indices) = (place, [Int]())
        for size in numbers.shape.reversed() {
            indices.insert(rest % size, at: 0)
            rest /= size
        }
        if let row = indices.first, let rows { indices[0] = rows[row] }
        let value = values[place].isNaN ? "NaN" : "an infinite number"
        var position = "row \(indices.first ?? 0)"
        if indices.count == 2 {
            let column = columns.indices.contains(indices[1]) ? columns[indices[1]].quoted() : "\(indices[1])"
            position += ", column \(column)"
        } else if indices.count > 2 {
            position += ", place \(indices.dropFirst().map(String.init).joined(separator: ", ")) in it"
        }
        throw DataError(path, "holds \(value) in \(position) (rows and columns count from 0)")
    }

    /// Throws ``DataError`` unless a tensor holds numbers of classes: whole numbers from 0 on, below `count` if that is
    /// given.
    ///
    /// - Parameters:
    ///   - targets: the targets.
    ///   - path: the file they were read from.
    ///   - count: the number of classes that there are.
    ///   - mark: a number that marks what is not observed.
    ///   - likelihood: the likelihood that needs classes, for the error.
    package static func requireClasses(
        _ targets: Tensor, in path: String, count: Int? = nil, mark: Int64? = nil,
        likelihood: String = "categorical"
    ) throws {
        try targets.check()
        guard !targets.dtype.isFloatingPoint else {
            throw DataError(
                path,
                "holds numbers of type \(targets.dtype) as targets, where the likelihood \(likelihood) needs numbers of "
                    + "classes: save them as whole numbers (in NumPy .astype(\"int64\"))")
        }
        let values = try targets.scalars(as: Int64.self)
        guard let place = values.firstIndex(where: { ($0 < 0 || $0 >= Int64(count ?? .max)) && $0 != mark })
        else { return }
        let range = count.map { "0 to \($0 - 1)" } ?? "0 and up"
        throw DataError(
            path, "holds the class \(values[place]) at element \(place), where classes are \(range)")
    }
}
