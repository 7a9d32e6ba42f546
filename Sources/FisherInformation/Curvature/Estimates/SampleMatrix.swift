import NeuralNet
import Torch

/// The rows of ``UnitGradients`` as the matrix J with J^T J = F, by what it is made of: for a layer with factors its inputs
/// and output gradients. J itself is formed for layers without factors alone.
struct SampleMatrix {
    /// A layer's columns of J.
    fileprivate enum Columns {
        /// The row of unit n in pass k is s_kn a_n^T: a [units, inputs], s [passes, units, outputs].
        case shared(inputs: Tensor, outputs: Tensor)
        /// Row r is the sum over positions of s_rt a_rt^T: a [rows, positions, inputs], s [rows, positions, outputs].
        case positions(inputs: Tensor, outputs: Tensor)
        /// The rows, [rows, parameters].
        case rows(Tensor)

        func converted(to dtype: DType) -> Columns {
            switch self {
            case .shared(let a, let s): .shared(inputs: a.to(dtype: dtype), outputs: s.to(dtype: dtype))
            case .positions(let a, let s): .positions(inputs: a.to(dtype: dtype), outputs: s.to(dtype: dtype))
            case .rows(let rows): .rows(rows.to(dtype: dtype))
            }
        }
    }

    private struct Block {
        let columns: Columns
        /// The places of its parameters among all: of a layer with factors the weight, then the bias.
        let places: [Int]
    }

    /// The number of rows.
    let rowCount: Int
    private let layout: ParameterLayout
    private let blocks: [Block]

    /// The rows in float64.
    init(_ gradients: UnitGradients) throws {
        let parameters = gradients.parameters
        let places = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { (ObjectIdentifier($1.parameter), $0) })
        rowCount = gradients.rowCount
        layout = ParameterLayout(of: parameters.map(\.parameter.wrappedValue))
        let runs = gradients.runs(parameterCount: 0)
        blocks = try gradients.blocks.map { block in
            let ofLayer = block.layer?.informativeParameters.compactMap { places[ObjectIdentifier($0)] } ?? []
            if let (a, s) = try gradients.sharedFactors(of: block) {
                return Block(columns: .shared(inputs: a, outputs: s), places: ofLayer)
            }
            let factors = try runs.compactMap { try gradients.factors(of: block, $0) }
            if factors.count == runs.count {
                return Block(
                    columns: .positions(
                        inputs: .concatenated(factors.map(\.inputs)),
                        outputs: .concatenated(factors.map(\.outputs))),
                    places: ofLayer)
            }
            return Block(
                columns: .rows(.concatenated(try runs.map { try gradients.rows(of: block, $0) })),
                places: block.members.compactMap { places[ObjectIdentifier($0.parameter)] })
        }
    }

    private init(rowCount: Int, layout: ParameterLayout, blocks: [Block]) {
        (self.rowCount, self.layout, self.blocks) = (rowCount, layout, blocks)
    }

    /// The same in another type.
    func converted(to dtype: DType) -> SampleMatrix {
        SampleMatrix(
            rowCount: rowCount, layout: layout,
            blocks: blocks.map { Block(columns: $0.columns.converted(to: dtype), places: $0.places) })
    }

    /// J v for a vector of all parameters, [rows].
    func product(_ vector: Tensor) -> Tensor {
        let parts = layout.split(vector)
        var total = Tensor.zeros([rowCount], dtype: vector.dtype, device: vector.device)
        for block in blocks {
            let own = block.places.map { parts[$0] }
            func matrix() -> Tensor {
                let weight = own[0].flattened(from: 1)
                return (own.count == 1 ? weight : .concatenated([weight, own[1].unsqueezed(1)], along: 1))
                    .transposed(0, 1)
            }
            switch block.columns {
            case .shared(let a, let s): total = total + (s * a.matmul(matrix())).sum(along: 2).flattened()
            case .positions(let a, let s): total = total + (s * a.matmul(matrix())).sum(along: 1, 2)
            case .rows(let rows): total = total + rows.matmul(.concatenated(own.map { $0.flattened() }))
            }
        }
        return total
    }

    /// J^T c for a vector of the rows, [parameters].
    func combined(_ c: Tensor) -> Tensor {
        var parts = [Tensor?](repeating: nil, count: layout.shapes.count)
        for block in blocks {
            func put(_ matrix: Tensor) {
                let (weight, bias) = (block.places[0], block.places.dropFirst().first)
                let width = layout.shapes[weight].dropFirst().reduce(1, *)
                parts[weight] = matrix.narrowed(1, from: 0, length: width).flattened()
                if let bias { parts[bias] = matrix.narrowed(1, from: width, length: 1).flattened() }
            }
            switch block.columns {
            case .shared(let a, let s):
                let sum = (s * c.reshaped([s.shape[0], s.shape[1], 1])).sum(along: 0)
                put(sum.transposed(0, 1).matmul(a))
            case .positions(let a, let s):
                let weighted = (s * c.reshaped([-1, 1, 1])).flattened(to: 1)
                put(weighted.transposed(0, 1).matmul(a.flattened(to: 1)))
            case .rows(let rows):
                let sums = c.unsqueezed(0).matmul(rows).flattened()
                var start = 0
                for place in block.places {
                    let count = layout.shapes[place].reduce(1, *)
                    parts[place] = sums.narrowed(0, from: start, length: count)
                    start += count
                }
            }
        }
        return .concatenated(
            zip(parts, layout.shapes).map { part, shape in
                part ?? Tensor.zeros([shape.reduce(1, *)], dtype: c.dtype, device: c.device)
            })
    }
}

extension SampleMatrix {
    /// Makes columns of J J^T.
    struct Gram {
        /// The number of units if inputs are shared, else 1: products are cheapest for columns in multiples of it.
        let unitCount: Int
        /// The products of the units' inputs and all rows' output gradients of layers with shared inputs.
        private let shared: [(products: Tensor, outputs: Tensor)]
        /// The sum over the other layers.
        private let others: Tensor?
        private let rowCount: Int

        fileprivate init(_ blocks: [Columns], rowCount: Int) {
            var (shared, others): ([(Tensor, Tensor)], Tensor?) = ([], nil)
            for columns in blocks {
                let part: Tensor
                switch columns {
                case .shared(let a, let s):
                    shared.append((a.matmul(a.transposed(0, 1)), s.flattened(to: 1)))
                    continue
                case .positions(let a, let s): part = PerSampleGradients.gram(a, s)
                case .rows(let rows): part = rows.matmul(rows.transposed(0, 1))
                }
                others = others.map { $0 + part } ?? part
            }
            unitCount = shared.first?.0.shape[0] ?? 1
            (self.shared, self.others, self.rowCount) = (shared, others, rowCount)
        }

        /// J J^T in some columns, from the row of the first one on; a tensor of its own.
        func callAsFunction(_ range: Range<Int>) throws(TorchError) -> Tensor {
            // From the first row of a pass on, for then rows and units go together.
            let first = range.lowerBound / unitCount * unitCount
            var sum: Tensor?
            for (products, outputs) in shared {
                let made = outputs.narrowed(0, from: first, length: outputs.shape[0] - first)
                    .matmul(
                        outputs.narrowed(0, from: range.lowerBound, length: range.count).transposed(0, 1)
                    )
                    .reshaped([-1, unitCount, range.count])
                let ofInputs = units(range, of: products)
                if let sum { try sum.add(made, times: ofInputs) } else { try made.multiply(by: ofInputs) }
                sum = sum ?? made
            }
            let own = sum?.flattened(to: 1)
            let part = own?.narrowed(
                0, from: range.lowerBound - first, length: rowCount - range.lowerBound)
            guard let others else { return part ?? .zeros([rowCount - range.lowerBound, range.count]) }
            let other = others.narrowed(0, from: range.lowerBound, length: rowCount - range.lowerBound)
                .narrowed(1, from: range.lowerBound, length: range.count)
            guard let part else { return other.copy().contiguous() }
            try part.add(other)
            return part
        }

        /// The columns of the units of some rows, [units, rows].
        private func units(_ range: Range<Int>, of products: Tensor) -> Tensor {
            var (parts, next): ([Tensor], Int) = ([], range.lowerBound)
            while next < range.upperBound {
                let unit = next % unitCount
                let length = min(unitCount - unit, range.upperBound - next)
                parts.append(products.narrowed(1, from: unit, length: length))
                next += length
            }
            return parts.count == 1 ? parts[0] : .concatenated(parts, along: 1)
        }
    }

    /// J J^T, to be asked for its columns.
    var gram: Gram { Gram(blocks.map(\.columns), rowCount: rowCount) }
}
