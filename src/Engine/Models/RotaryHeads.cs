using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>What queries or keys (T, H·D) go through between their projection and the attention: a norm over each head where there is one, then the rotary embedding.</summary>
internal sealed class RotaryHeads(RmsNormLayer? norm, RotaryEmbedding rotary, int heads)
{
    public bool Trains => norm is { Trains: true };

    /// <summary>Where the projection puts its rows; <paramref name="saved"/> is there where a norm is.</summary>
    public Tensor Projected(NormRows? saved, Tensor result) => norm is null ? result : saved!.Input.Take(result.Shape[0]);

    /// <summary>From <see cref="Projected"/> to result.</summary>
    public void Forward(Pass pass, NormRows? saved, Tensor result)
    {
        norm?.Forward(pass.Backend, ByHead(Projected(saved, result)), ByHead(result), saved!.InverseRms.Take(pass.Tokens));
        rotary.Apply(result, heads, pass);
    }

    /// <summary>Gives the gradient of the projected rows: dResult, turned in place, or where a norm is, <paramref name="space"/>, which is overwritten.</summary>
    public Tensor Backward(Pass pass, NormRows? saved, Tensor dResult, Tensor? space)
    {
        rotary.Apply(dResult, heads, pass, inverse: true);
        if (norm is null)
        {
            return dResult;
        }

        pass.Backend.Zero(space!);
        norm.Backward(pass.Backend, ByHead(dResult), ByHead(Projected(saved, dResult)), saved!.InverseRms.Take(pass.Tokens), ByHead(space!));
        return space!;
    }

    private Tensor ByHead(Tensor rows) => rows.View(0, new Shape(rows.Shape[0] * heads, rows.Shape[1] / heads));
}
