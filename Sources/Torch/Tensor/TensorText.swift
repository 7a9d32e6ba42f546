import Foundation

/// A tensor's values as text, in the manner of NumPy and PyTorch: nested lists, the inner ones aligned, the middle of
/// long dimensions left out.
struct TensorText {
    /// Tensors of more elements are abridged.
    private static let mostElements = 1000
    /// How many slices an abridged dimension shows at either end.
    private static let edge = 3

    private let shape: [Int]
    private let isAbridged: Bool
    /// The shown elements in their order, as wide as each other.
    private let cells: [String]

    /// Reads the elements to be shown, and no others; throws why they cannot be read.
    init(_ tensor: Tensor) throws(TorchError) {
        shape = tensor.shape
        isAbridged = tensor.count > Self.mostElements
        var shown = tensor.detached()
        if isAbridged {
            for (dimension, size) in shape.enumerated() where size > 2 * Self.edge {
                shown = .concatenated(
                    [
                        shown.narrowed(dimension, from: 0, length: Self.edge),
                        shown.narrowed(dimension, from: size - Self.edge, length: Self.edge),
                    ], along: dimension)
            }
        }
        let texts: [String] =
            switch tensor.dtype {
            case .bool: try shown.scalars(as: Bool.self).map { "\($0)" }
            case .uint8, .int32, .int64: try shown.scalars(as: Int64.self).map { "\($0)" }
            case .float16, .bfloat16, .float32, .float64: Self.texts(of: try shown.scalars(as: Double.self))
            }
        let width = shape.isEmpty ? 0 : texts.lazy.map(\.count).max() ?? 0
        cells = texts.map { String(repeating: " ", count: max(0, width - $0.count)) + $0 }
    }

    /// Numbers in one form: whole ones with a point, others with four decimals, with exponents where these would show
    /// nothing of the small ones or too much of the large ones.
    private static func texts(of numbers: [Double]) -> [String] {
        let magnitudes = numbers.lazy.filter { $0.isFinite && $0 != 0 }.map(abs)
        let (least, most) = (magnitudes.min() ?? 1, magnitudes.max() ?? 1)
        let areWhole = numbers.allSatisfy { !$0.isFinite || $0 == $0.rounded() }
        let needExponents = most >= 1e8 || (!areWhole && (least < 1e-4 || most / least > 1e5))
        return numbers.map { number in
            if !number.isFinite { return "\(number)" }
            if needExponents { return String(format: "%.4e", number) }
            return areWhole ? String(format: "%.0f.", number) : String(format: "%.4f", number)
        }
    }

    /// The lists; lines after the first begin with `indent` blanks.
    func lists(indent: Int) -> String {
        var next = cells.makeIterator()
        return list(0, indent: indent, &next)
    }

    private func list(
        _ dimension: Int, indent: Int, _ next: inout IndexingIterator<[String]>
    ) -> String {
        guard dimension < shape.count else { return next.next() ?? "" }
        let size = shape[dimension]
        let leavesOut = isAbridged && size > 2 * Self.edge
        var parts: [String] = []
        // A dimension of size zero anywhere leaves no elements, so outer lists end here too.
        for position in 0..<(cells.isEmpty ? 0 : leavesOut ? 2 * Self.edge : size) {
            if leavesOut, position == Self.edge { parts.append("...") }
            parts.append(list(dimension + 1, indent: indent + 1, &next))
        }
        let inner = shape.count - dimension - 1
        if inner == 0 { return "[" + Self.wrapped(parts, indent: indent + 1) + "]" }
        let line = String(repeating: "\n", count: inner) + String(repeating: " ", count: indent + 1)
        return "[" + parts.joined(separator: "," + line) + "]"
    }

    /// The elements of an innermost list, in lines of about 80 characters.
    private static func wrapped(_ parts: [String], indent: Int) -> String {
        var (text, length) = ("", indent)
        for (position, part) in parts.enumerated() {
            if position > 0 {
                text += ","
                if length + part.count + 2 > 80 {
                    text += "\n" + String(repeating: " ", count: indent)
                    length = indent
                } else {
                    text += " "
                    length += 2
                }
            }
            text += part
            length += part.count
        }
        return text
    }
}

extension Tensor: CustomStringConvertible {
    /// The values with shape, type and device, or the reason why there are none.
    ///
    ///     Tensor([[1.0000, 0.5000],
    ///             [2.0000, 0.2500]], shape: [2, 2], dtype: float32)
    ///
    /// Of more than 1000 elements the first and last three of each dimension are shown. It waits for the device and copies
    /// what it shows; the device is named where it is not the CPU.
    public var description: String {
        if let failure { return "Tensor(failed: \(failure))" }
        let place = device == .cpu ? "" : ", device: \(device)"
        let form = "shape: \(shape), dtype: \(dtype)\(place))"
        do {
            return "Tensor(\(try TensorText(self).lists(indent: 7)), \(form)"
        } catch {
            return "Tensor(unreadable: \(error), \(form)"
        }
    }

    /// Type and shape without the values, or why there are none: for messages.
    package var summary: String {
        failure.map { "a failed tensor (\($0))" } ?? "\(dtype) \(shape)"
    }
}
