/** The page's style: close enough to Slack's to judge a card by eye. Widths are those of Slack's own client. */
export const STYLE = `
*{box-sizing:border-box}
body{margin:0;display:grid;grid-template:100vh/220px minmax(0,1fr);grid-auto-rows:0;color:#1d1c1d;background:#fff;
 font:15px/1.46668 Lato,"Noto Sans","Helvetica Neue",Arial,sans-serif}
a{color:#1264a3;text-decoration:none}a:hover{text-decoration:underline}
#side{background:#3f0e40;color:#cfc3cf;padding:0 8px;overflow:auto}
#side .team{color:#fff;font-weight:900;font-size:18px;padding:12px 8px 10px;border-bottom:1px solid #5a2f5b;margin:0 -8px}
#side .team small{display:block;font-weight:400;font-size:12px;color:#cfc3cf}
#side h3{margin:16px 8px 4px;font-size:13px;font-weight:400}
#side a{display:flex;align-items:center;gap:8px;padding:3px 8px;border-radius:6px;color:#cfc3cf}
#side a:hover{background:#4d2a51;text-decoration:none}#side a.here{background:#1164a3;color:#fff}
#side a small{margin-left:auto;opacity:.8}
.avatar{flex:none;width:36px;height:36px;border-radius:4px;display:grid;place-items:center;color:#fff;font-weight:900}
#side .avatar{width:20px;height:20px;font-size:12px}
.thread .avatar{width:24px;height:24px;font-size:13px}
.c0{background:#2b6cb0}.c1{background:#b7791f}.c2{background:#2f855a}.c3{background:#9b2c5e}.c4{background:#5a4fcf}.c5{background:#b83a1b}
.cbot{background:#1f3a4d}
#channel{display:flex;flex-direction:column;min-height:0;min-width:0}
#channel>header{padding:12px 20px;border-bottom:1px solid #e2e2e2;display:flex;gap:12px;align-items:baseline}
#channel>header b{font-size:18px;font-weight:900}#channel>header span{color:#616061;font-size:13px}
.messages{flex:1;overflow:auto;padding:12px 0 28px}
.home{padding:0 20px}.home .empty{padding:0}
.empty{color:#616061;padding:0 20px}
.message{display:flex;gap:8px;padding:8px 20px}
.message:hover{background:#f8f8f8}
.content{min-width:0;flex:1}
.by{display:flex;gap:8px;align-items:baseline;line-height:1.2}
.by b{font-weight:900}.by time,.edited{color:#616061;font-size:12px}
.app{background:#e8e8e8;color:#616061;font-size:10px;font-weight:700;padding:1px 3px;border-radius:2px;align-self:center}
.note{color:#616061;font-size:13px}
.only-you{background:#fdfaf2}
.thread{margin-top:8px;border-left:2px solid #e2e2e2;padding-left:4px}
.thread .message{padding:4px 8px}
.thread .count{color:#1264a3;font-size:13px;font-weight:700;padding:0 8px}
.block{max-width:600px;margin:4px 0;overflow-wrap:anywhere}
hr.block{border:0;border-top:1px solid #ddd;margin:8px 0}
.header{font-size:18px;font-weight:900;line-height:1.33;margin:8px 0 4px}
.section{display:flex;gap:16px;align-items:flex-start;margin:8px 0}.section .body{flex:1;min-width:0}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:8px 16px}.fields>div{min-width:0}
.context{color:#616061;font-size:13px;display:flex;flex-wrap:wrap;gap:2px 10px}
.actions{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0}
.button{font-family:inherit;font-size:14px;font-weight:700;line-height:1;min-height:32px;padding:0 12px;border-radius:4px;border:1px solid #bbb;background:#fff;color:#1d1c1d;cursor:pointer}
.button:hover{background:#f8f8f8}.button:focus-visible{outline:3px solid #1d9bd1;outline-offset:1px}
.button.primary{background:#007a5a;border-color:#007a5a;color:#fff}.button.primary:hover{background:#148567}
.button.danger{color:#e01e5a;border-color:#e01e5a}
dialog .button.danger{background:#e01e5a;color:#fff}
.menu{position:relative}.menu summary{display:inline-flex;align-items:center;list-style:none}.menu>div{display:flex;flex-direction:column;gap:4px;margin-top:4px}
.button[disabled]{opacity:.5;cursor:default}
pre,code{font:12px/1.50001 Menlo,Consolas,"DejaVu Sans Mono",monospace;background:#f8f8f8;border:1px solid #ddd;border-radius:4px}
pre{padding:8px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext}
code{padding:1px 3px;color:#c01343}
blockquote{margin:2px 0;padding-left:12px;border-left:4px solid #ddd}
.line{white-space:pre-wrap}
.mention{background:#e8f5fa;color:#1264a3;border-radius:3px;padding:0 2px}.mention.loud{background:#fff3cd}
.unknown{color:#b00;font-size:13px}
.veil{position:fixed;inset:0;background:#0008;display:grid;place-items:center;padding:24px}
.modal,dialog{background:#fff;border:0;border-radius:8px;width:520px;max-width:100%;max-height:90vh;display:flex;flex-direction:column;box-shadow:0 18px 48px #0004}
.modal header{display:flex;align-items:center;padding:18px 28px 12px}
.modal h2,dialog h2{margin:0;font-size:22px;font-weight:900;line-height:1.2}
.cross{margin-left:auto;border:0;background:none;font-size:28px;line-height:1;color:#616061;cursor:pointer}
.modal .inner{overflow:auto;padding:0 28px 8px}
.modal footer,dialog .foot{display:flex;justify-content:flex-end;gap:12px;padding:16px 28px 20px}
.input{margin:12px 0}.input .label{font-weight:700;margin-bottom:4px}.optional{font-weight:400;color:#616061}
input[type=text],textarea,select{width:100%;font:inherit;border:1px solid #868686;border-radius:4px;padding:8px 12px;background:#fff;color:inherit}
.wrong input,.wrong textarea,.wrong select{border-color:#e01e5a}
.error,.trouble{color:#e01e5a;font-size:13px;margin-top:4px}.hint{color:#616061;font-size:13px}
.choices{display:grid;gap:6px}
dialog:not([open]){display:none}dialog{padding:22px 0 0}dialog h2,dialog p{padding:0 28px}dialog p{white-space:pre-wrap}
dialog::backdrop{background:#0008}
#toast{position:fixed;left:50%;bottom:24px;transform:translateX(-50%);background:#1d1c1d;color:#fff;padding:8px 14px;border-radius:6px;font-size:13px}
#toast:empty{display:none}
@media(max-width:700px){body{grid-template:30vh 70vh/minmax(0,1fr)}.fields{grid-template-columns:1fr}}
`;
